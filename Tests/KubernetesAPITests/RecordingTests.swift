import ClusterModel
import DNSWire
import SwiftProtobuf
import Testing

@testable import KubernetesAPI

@Suite("recorded answers of an API server") struct RecordingTests {
    private func list(
        _ name: String, _ kind: ObjectKind, podLabels: Bool = false
    ) throws -> (version: String, next: String, [ObservedObject]) {
        let encoding = Recordings.encoding(of: name)
        var metadata = WireListMeta()
        var objects: [ObservedObject] = []
        for piece in try splitList(try Recordings.bytes(name), encoding) {
            switch piece {
            case .metadata(let bytes): metadata = try encoding.read(WireListMeta.self, from: bytes)
            case .item(let bytes):
                objects.append(
                    try ObservedObject(kind, from: bytes, encoding, isEnveloped: false, podLabels: podLabels))
            }
        }
        return (metadata.resourceVersion, metadata.continue, objects)
    }

    @Test(
        "lists are the same in both encodings",
        arguments: [
            ("list-namespaces", ObjectKind.namespace, 12), ("list-services", .service, 177),
            ("list-services-page1", .service, 50), ("list-endpointslices", .endpointSlice, 177),
            ("list-pods", .pod, 304),
        ])
    func lists(_ name: String, _ kind: ObjectKind, _ count: Int) throws {
        let protobuf = try list(name + ".pb", kind)
        let json = try list(name + ".json", kind)
        #expect(protobuf.2.count == count)
        #expect(protobuf.2 == json.2)
        #expect(protobuf.version == "1865")
        #expect(json.version == "1865")
        #expect(protobuf.next.isEmpty == (name != "list-services-page1"))
        #expect(json.next == protobuf.next)
    }

    @Test("pods have their labels where they are wanted, in both encodings") func podLabels() throws {
        func labels(_ name: String, _ wanted: Bool) throws -> [[String: String]] {
            try list(name, .pod, podLabels: wanted).2.compactMap { observed in
                guard case .pod(let pod)? = observed.object else { return nil }
                return pod.labels
            }
        }
        let json = try labels("list-pods.json", true)
        #expect(json == (try labels("list-pods.pb", true)))
        #expect(json.count { $0["app"] == "bighead" && $0["topology.kubernetes.io/zone"] == "zone-c" } == 24)
        #expect(try labels("list-pods.pb", false).allSatisfy(\.isEmpty))
        #expect(try labels("list-pods.json", false).allSatisfy(\.isEmpty))
    }

    @Test("a service, a headless one and an external name are told apart") func services() throws {
        let services = try list("list-services.pb", .service).2.compactMap { observed -> ServiceObject? in
            guard case .service(let service)? = observed.object else { return nil }
            return service
        }
        #expect(services.contains { if case .cluster(let found) = $0.addressing { !found.isEmpty } else { false } })
        #expect(services.contains { $0.addressing == .headless })
        let api = try #require(services.first { $0.key == ObjectKey(namespace: "default", name: "kubernetes") })
        #expect(api.ports.map(\.name) == ["https"])
        #expect(api.ports.map(\.transport) == ["TCP"])
    }

    @Test("the second page follows the first") func pages() throws {
        let first = try list("list-services-page1.json", .service)
        let second = try list("list-services-page2.json", .service)
        #expect(Set(first.2.map(\.key)).isDisjoint(with: second.2.map(\.key)))
        #expect(second.2.count == 50)
    }

    @Test("nodes have their cores and labels", arguments: ["list-nodes.pb", "list-nodes.json"])
    func nodes(_ name: String) throws {
        let encoding = Recordings.encoding(of: name)
        let nodes = try splitList(try Recordings.bytes(name), encoding).compactMap { piece -> WireNode? in
            guard case .item(let bytes) = piece else { return nil }
            return try encoding.read(WireNode.self, from: bytes)
        }
        #expect(nodes.count == 9)
        #expect(nodes.allSatisfy { !$0.metadata.labels.isEmpty && $0.status.capacity["cpu"]?.value.isEmpty == false })
    }

    @Test(
        "watches are the same in both encodings",
        arguments: [("watch-services", ObjectKind.service), ("watch-endpointslices", .endpointSlice)])
    func watches(_ name: String, _ kind: ObjectKind) throws {
        func events(_ name: String) throws -> [(WatchMessage.Kind, ObservedObject?)] {
            let encoding = Recordings.encoding(of: name)
            return try splitWatch(try Recordings.bytes(name), encoding).map { message in
                guard message.kind != .bookmark else { return (message.kind, nil) }
                return (message.kind, try ObservedObject(kind, from: message.object, encoding, isEnveloped: true))
            }
        }
        let json = try events(name + ".json").filter { $0.0 != .bookmark }
        // The protobuf watch was recorded later from the same version: it begins with the same events, and has more.
        let all = try events(name + ".pb").filter { $0.0 != .bookmark }
        let protobuf = all.prefix(json.count)
        #expect(all.count >= json.count)
        #expect(protobuf.map(\.0).first == .added)
        #expect(protobuf.map(\.0).last == .deleted)
        #expect(protobuf.map(\.0) == json.map(\.0))
        #expect(protobuf.map(\.1) == json.map(\.1))
        #expect(all.allSatisfy { $0.1.map { UInt64($0.version) != nil } == true })
    }

    @Test(
        "a streamed list ends with the marked bookmark",
        arguments: ["watchlist-endpointslices.pb", "watchlist-endpointslices.json"])
    func streamedList(_ name: String) throws {
        let messages = try splitWatch(try Recordings.bytes(name), Recordings.encoding(of: name))
        #expect(messages.filter { $0.kind == .added }.count >= 177)
        let bookmark = try #require(messages.first { $0.kind == .bookmark })
        let object = try Recordings.encoding(of: name).readEnveloped(WireAnyObject.self, from: bookmark.object)
        #expect(object.metadata.annotations["k8s.io/initial-events-end"] == "true")
        #expect(!object.metadata.resourceVersion.isEmpty)
    }

    @Test("an expired watch is an ERROR event with 410", arguments: ["watch-expired.pb", "watch-expired.json"])
    func expired(_ name: String) throws {
        let messages = try splitWatch(try Recordings.bytes(name), Recordings.encoding(of: name))
        #expect(messages.map(\.kind) == [.error])
        let report = StatusReport(body: try #require(messages.first).object, httpStatus: nil)
        #expect(report.code == 410)
        #expect(report.reason == "Expired")
        #expect(report.isExpired)
    }

    @Test(
        "refusals are read whatever they are written in",
        arguments: [
            ("list-forbidden.json", 403, "Forbidden"), ("list-forbidden.pb", 403, "Forbidden"),
            ("list-unauthorized.json", 401, "Unauthorized"), ("list-bad-continue.json", 400, "BadRequest"),
            ("list-no-such-kind.json", 404, ""),
        ])
    func refusals(_ name: String, _ code: Int, _ reason: String) throws {
        let report = StatusReport(body: try Recordings.bytes(name), httpStatus: code)
        #expect(report.code == code)
        #expect(report.reason == reason)
        #expect(!report.isExpired)
    }

    @Test("nothing at all is an empty watch", arguments: ["watch-future.pb", "watch-future.json"])
    func nothing(_ name: String) throws {
        #expect(try splitWatch(try Recordings.bytes(name), Recordings.encoding(of: name)).isEmpty)
    }
}
