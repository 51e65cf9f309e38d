import ClusterModel
import DNSWire
import SwiftProtobuf
import Testing

@testable import KubernetesAPI

@Suite("what is kept of an object") struct ObservedObjectTests {
    private func read(_ kind: ObjectKind, _ json: String) throws -> ObservedObject {
        try ObservedObject(kind, from: Array(json.utf8), .json, isEnveloped: false)
    }

    @Test(
        "services",
        arguments: [
            (#""clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","fd00::1"]"#, "10.0.0.1 fd00::1"),
            (#""clusterIP":"10.0.0.1""#, "10.0.0.1"),
            (#""clusterIP":"10.0.0.1","clusterIPs":["rubbish","10.0.0.2"]"#, "10.0.0.2"),
            (#""clusterIP":"""#, ""),
            (#""clusterIP":"None","clusterIPs":["None"]"#, "headless"),
            (#""type":"ExternalName","externalName":"Example.ORG""#, "=Example.ORG"),
        ])
    func services(_ spec: String, _ expected: String) throws {
        let observed = try read(
            .service, #"{"metadata":{"name":"a","namespace":"b","resourceVersion":"3"},"spec":{"# + spec + "}}")
        #expect(observed.version == "3")
        #expect(observed.key == ObjectKey(namespace: "b", name: "a"))
        guard case .service(let service)? = observed.object else {
            Issue.record("not a service")
            return
        }
        switch service.addressing {
        case .cluster(let addresses): #expect(addresses.map(\.description).joined(separator: " ") == expected)
        case .headless: #expect(expected == "headless")
        case .externalName(let name): #expect(expected == "=" + name)
        }
    }

    @Test("ports outside 16 bits are left out; external addresses are kept in order") func serviceDetails() throws {
        let observed = try read(
            .service,
            #"""
            {"metadata":{"name":"a","namespace":"b"},"spec":{"clusterIP":"10.0.0.1","externalIPs":["1.2.3.4"],
             "ports":[{"name":"dns","protocol":"UDP","port":53},{"port":70000},{"port":-1},{"port":80}]},
             "status":{"loadBalancer":{"ingress":[{"ip":"5.6.7.8"},{"hostname":"lb.example"},{}]}}}
            """#)
        guard case .service(let service)? = observed.object else {
            Issue.record("not a service")
            return
        }
        #expect(
            service.ports == [
                ObjectPort(name: "dns", transport: "UDP", number: 53),
                ObjectPort(name: "", transport: "TCP", number: 80),
            ])
        #expect(service.external == ["1.2.3.4", "5.6.7.8", "lb.example"])
    }

    @Test("endpoints that are ready or do not say") func slices() throws {
        let observed = try read(
            .endpointSlice,
            #"""
            {"metadata":{"name":"s","namespace":"b","labels":{"kubernetes.io/service-name":"web"},
              "annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"1970-01-02T00:00:01.5Z"}},
             "ports":[{"name":"http","protocol":"TCP","port":80},{"name":"any","port":null}],
             "endpoints":[
              {"addresses":["10.0.0.1","x"],"conditions":{"ready":true},"zone":"EU-1a","targetRef":{"kind":"Pod","name":"p"}},
              {"addresses":["10.0.0.2"],"conditions":{"ready":false}},
              {"addresses":["10.0.0.3"],"conditions":{},"hostname":"h","targetRef":{"kind":"Node","name":"n"}},
              {"addresses":["fd00::4"],"conditions":{"ready":null}}]}
            """#)
        guard case .endpointSlice(let slice)? = observed.object else {
            Issue.record("not a slice")
            return
        }
        #expect(slice.service == "web")
        #expect(slice.lastChangeTrigger == 86_401.5)
        #expect(slice.ports.map(\.number) == [80, nil])
        #expect(slice.endpoints.map { $0.addresses.map(\.description) } == [["10.0.0.1"], ["10.0.0.3"], ["fd00::4"]])
        #expect(slice.endpoints.map(\.podName) == ["p", "", ""])
        #expect(slice.endpoints.map(\.hostname) == ["", "h", ""])
        #expect(slice.endpoints.first?.zone == "eu-1a")
    }

    @Test("a pod that is being deleted is not a change") func terminatingPod() throws {
        let running = try read(
            .pod,
            #"{"metadata":{"name":"p","namespace":"b"},"status":{"podIP":"10.1.0.1"},"spec":{"hostNetwork":true}}"#)
        #expect(
            running.object
                == .pod(
                    PodObject(
                        key: ObjectKey(namespace: "b", name: "p"), addresses: [IPAddress(v4: 0x0A01_0001)],
                        usesHostNetwork: true)))
        let ending = try read(
            .pod, #"{"metadata":{"name":"p","namespace":"b","deletionTimestamp":"2026-01-01T00:00:00Z"}}"#)
        #expect(ending.object == nil)
    }

    @Test(
        "imports",
        arguments: [
            (#"{"type":"Headless"}"#, true, ""),
            (#"{"type":"ClusterSetIP","ips":["10.42.0.1","fd00::1","x"]}"#, false, "10.42.0.1 fd00::1"),
            (#"{"ips":null,"ports":[],"type":"ClusterSetIP"}"#, false, ""), ("{}", false, ""),
        ])
    func imports(_ spec: String, _ isHeadless: Bool, _ addresses: String) throws {
        let observed = try read(
            .serviceImport, #"{"spec":\#(spec),"metadata":{"name":"a","namespace":"b","resourceVersion":"3"}}"#)
        #expect(observed.version == "3")
        guard case .serviceImport(let imported)? = observed.object else {
            Issue.record("not an import")
            return
        }
        #expect(imported.key == ObjectKey(namespace: "b", name: "a"))
        let own = addresses.split(separator: " ").compactMap { IPAddress($0) }
        #expect(imported.addressing == (isHeadless ? .headless : .cluster(own)))
    }

    @Test("ports of imports, and what is no import") func importDetails() throws {
        let observed = try read(
            .serviceImport,
            #"{"metadata":{"name":"a","namespace":"b"},"spec":{"ports":[{"name":"dns","protocol":"UDP","port":53,"appProtocol":"x"},{"port":80},{"port":70000}]}}"#
        )
        guard case .serviceImport(let imported)? = observed.object else {
            Issue.record("not an import")
            return
        }
        #expect(
            imported.ports == [
                ObjectPort(name: "dns", transport: "UDP", number: 53),
                ObjectPort(name: "", transport: "TCP", number: 80),
            ])
        for json in [#"{"metadata":{}}"#, "[]", #"{"metadata":{"name":"a"},"spec":{"ports":[5]}}"#, #"{"metadata":"#] {
            #expect(throws: DecodingFailure.self) { try read(.serviceImport, json) }
        }
    }

    @Test(
        "where an imported slice comes from, in both encodings",
        arguments: [
            (["service-name": "db", "source-cluster": "east"], ImportOrigin(service: "db", cluster: "east")),
            (["service-name": "db"], nil), (["service-name": "db", "source-cluster": ""], nil), ([:], nil),
        ] as [([String: String], ImportOrigin?)])
    func origin(_ labels: [String: String], _ expected: ImportOrigin?) throws {
        var slice = WireEndpointSlice()
        slice.metadata.name = "a"
        slice.metadata.namespace = "b"
        for (name, value) in labels { slice.metadata.labels["multicluster.kubernetes.io/" + name] = value }
        let messages: [(WireEncoding, [UInt8])] = [
            (.protobuf, try slice.serializedBytes()), (.json, Array(try slice.jsonUTF8Bytes() as [UInt8])),
        ]
        for (encoding, octets) in messages {
            let observed = try ObservedObject(.endpointSlice, from: octets, encoding, isEnveloped: false)
            guard case .endpointSlice(let slice)? = observed.object else {
                Issue.record("not a slice")
                return
            }
            #expect(slice.origin == expected)
        }
    }

    @Test("an object without a name is refused") func nameless() {
        #expect(throws: DecodingFailure.self) { try read(.namespace, "{}") }
    }
}
