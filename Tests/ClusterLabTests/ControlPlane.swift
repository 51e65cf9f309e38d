import Testing
import Text

@testable import ClusterLab

@Suite("What the control plane makes of manifests") struct ControlPlane {
    private static let web = """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          selector: {app: web}
          ports: [{name: http, port: 80, targetPort: web}]
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 3
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers: [{name: c, image: i, ports: [{name: web, containerPort: 8080}]}]
        """

    @Test("a Deployment's pods are the endpoints of its Service") func deployment() throws {
        var state = makeCluster(Self.web)
        #expect(state.value(.service, "default", "web")["spec"]["clusterIP"].text?.hasPrefix("10.96.") == true)
        #expect(state.endpoints(of: "web").count == 3)
        let slices = state.store.list(.endpointSlice, namespace: "default").map { $0.value(.endpointSlice) }
        let slice = try #require(slices.first { $0.labels["kubernetes.io/service-name"] == "web" })
        #expect(slice["ports"].elements.first?["port"].number == 8080)
        #expect(slice["endpoints"].elements.first?["zone"].text == "zone-a")

        let pod = try #require(state.store.list(.pod, namespace: "default").first)
        var unready = pod.value(.pod)
        unready.set("metadata", "annotations", ["cluster-dns/ready": "false"])
        try state.update(.pod, namespace: "default", name: pod.name, to: unready)
        #expect(state.endpoints(of: "web").values.filter { !$0 }.count == 1)
        #expect(state.value(.deployment, "default", "web")["status"]["readyReplicas"].number == 2)

        let scale: JSONValue = ["spec": ["replicas": 120]]
        let scaled = Scale.applied(scale, to: state.value(.deployment, "default", "web"))
        try state.update(.deployment, namespace: "default", name: "web", to: scaled)
        #expect(state.endpoints(of: "web").count == 120)
        let sizes = state.store.list(.endpointSlice, namespace: "default").map { $0.value(.endpointSlice) }
            .filter { $0.labels["kubernetes.io/service-name"] == "web" }.map { $0["endpoints"].elements.count }
        #expect(sizes.sorted() == [20, 100])

        try state.delete(.deployment, namespace: "default", name: "web")
        #expect(state.store.count(.pod) == 0)
        #expect(state.endpoints(of: "web").isEmpty)
    }

    @Test("a StatefulSet's pods have stable names under their headless Service") func statefulSet() {
        let state = makeCluster(
            """
            apiVersion: v1
            kind: Service
            metadata: {name: db}
            spec:
              clusterIP: None
              ipFamilyPolicy: RequireDualStack
              selector: {app: db}
              ports: [{name: sql, port: 5432}]
            ---
            apiVersion: apps/v1
            kind: StatefulSet
            metadata: {name: db}
            spec:
              serviceName: db
              replicas: 2
              selector: {matchLabels: {app: db}}
              template:
                metadata: {labels: {app: db}}
                spec: {containers: [{name: c, image: i}]}
            """)
        #expect(state.store.list(.pod).map(\.name) == ["db-0", "db-1"])
        #expect(state.value(.service, "default", "db")["spec"]["clusterIPs"] == ["None"])
        let slices = state.store.list(.endpointSlice, namespace: "default").map { $0.value(.endpointSlice) }
            .filter { $0.labels["kubernetes.io/service-name"] == "db" }
        #expect(Set(slices.compactMap { $0["addressType"].text }) == ["IPv4", "IPv6"])
        for slice in slices {
            #expect(Set(slice["endpoints"].elements.compactMap { $0["hostname"].text }) == ["db-0", "db-1"])
        }
    }

    @Test("cluster addresses: asked, dual, taken, given back") func allocation() throws {
        var state = makeCluster()
        func service(_ name: String, _ spec: JSONValue) -> JSONValue {
            var spec = spec
            spec["ports"] = [["port": 53]]
            return ["metadata": ["name": .string(name), "namespace": "default"], "spec": spec]
        }
        try state.create(.service, service("dns", ["clusterIP": "10.96.0.10"]))
        do {
            try state.create(.service, service("again", ["clusterIP": "10.96.0.10"]))
            Issue.record("an address was given twice")
        } catch {
            #expect(error.code == 422)
        }
        try state.delete(.service, namespace: "default", name: "dns")
        let dual = try state.create(
            .service,
            service("dual", ["clusterIP": "10.96.0.10", "ipFamilyPolicy": "PreferDualStack", "type": "LoadBalancer"])
        ).value(.service)
        #expect(dual["spec"]["clusterIPs"] == ["10.96.0.10", "fd00:96::100"])
        #expect(dual["spec"]["ports"].elements.first?["nodePort"].number == 30000)
        #expect(dual["status"]["loadBalancer"]["ingress"].elements.first?["ip"].text == "203.0.113.1")
    }

    @Test("a broken document is told with its line, and the others load") func brokenManifest() {
        let text = """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: good}
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: [
            ---
            kind: Service
            metadata: {name: other}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: web}
            spec: {ports: [{port: eighty}]}
            """
        let (objects, problems) = ManifestReader.read(text, file: "a.yaml")
        #expect(objects.map(\.object.name) == ["good"])
        #expect(problems.count == 3)
        #expect(problems.map(\.line).dropFirst() == [10, 13])
        #expect(problems.first.map { (5...9).contains($0.line) } == true)
        #expect(problems.last?.description.contains("eighty") == true)
    }

    @Test("pods keep their node and address when their manifest changes") func stablePods() throws {
        var state = makeCluster()
        let pod = """
            apiVersion: v1
            kind: Pod
            metadata: {name: one, labels: {v: "VALUE"}}
            spec: {containers: [{name: c, image: i}]}
            """
        _ = state.apply(ManifestReader.read(pod.replacing("VALUE", with: "1"), file: "p").objects)
        let before = state.value(.pod, "default", "one")
        _ = state.apply(ManifestReader.read(pod.replacing("VALUE", with: "2"), file: "p").objects)
        let after = state.value(.pod, "default", "one")
        #expect(after.labels["v"] == "2")
        #expect(after["status"]["podIP"] == before["status"]["podIP"])
        #expect(after.uid == before.uid)
    }

    @Test("equal options make equal clusters") func generator() throws {
        var options = try GenerateOptions("nodes=3,services=60,endpoints=500,seed=9")
        func bytes(_ options: GenerateOptions) throws -> [[UInt8]] {
            var state = ClusterState()
            try ClusterGenerator.fill(&state, options)
            #expect(state.store.count(.pod) == 500)
            #expect(state.store.count(.service) == 60)
            return try state.store.list(.endpointSlice).map { try $0.protobuf(.endpointSlice) }
        }
        let first = try bytes(options)
        #expect(try bytes(options) == first)
        options.seed = 10
        #expect(try bytes(options) != first)
        #expect(throws: LabError.self) { try GenerateOptions("nodes=many") }
    }

    @Test("churn writes an event for every change") func churn() throws {
        var state = ClusterState()
        try ClusterGenerator.fill(&state, GenerateOptions("nodes=2,services=20,endpoints=100,seed=1"))
        let version = state.store.version
        var churn = Churn(seed: 1)
        let slices = state.store.list(.endpointSlice)
        for _ in 0..<50 { churn.change(slices, in: &state) }
        #expect(state.store.changes(.endpointSlice, after: version)?.count == 50)
    }
}
