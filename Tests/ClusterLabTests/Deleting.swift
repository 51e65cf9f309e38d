import Testing
import Text

@testable import ClusterLab

@Suite("Deleting in steps") struct Deleting {
    private static let web = """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{port: 80}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: one, labels: {app: web}, annotations: {cluster-dns/shutdown-seconds: "20"}}
        spec: {terminationGracePeriodSeconds: 30, containers: [{name: c, image: i}]}
        """

    private func conditions(_ state: ClusterState) -> [JSONValue] {
        state.store.list(.endpointSlice, namespace: "default").map { $0.value(.endpointSlice) }
            .filter { $0.labels["kubernetes.io/service-name"] == "web" }
            .flatMap { $0["endpoints"].elements.map { $0["conditions"] } }
    }

    @Test("a pod's endpoint is terminating until the pod has stopped") func graceful() throws {
        var state = makeCluster(Self.web)
        try state.delete(.pod, namespace: "default", name: "one")
        let pod = state.value(.pod, "default", "one")
        #expect(pod["metadata"]["deletionGracePeriodSeconds"].number == 30)
        #expect(conditions(state) == [["ready": false, "serving": true, "terminating": true]])
        state.removeStopped(now: 0)
        #expect(state.store.count(.pod) == 1)
        state.removeStopped(now: .greatestFiniteMagnitude)
        #expect(state.store.count(.pod) == 0)
        #expect(conditions(state).isEmpty)
    }

    @Test("a grace period of zero removes at once") func force() throws {
        var state = makeCluster(Self.web)
        try state.delete(.pod, namespace: "default", name: "one", Deletion(gracePeriod: 0))
        #expect(state.store.count(.pod) == 0)
    }

    @Test("a finalizer holds a pod that has stopped") func finalizer() throws {
        var state = makeCluster(Self.web)
        var pod = state.value(.pod, "default", "one")
        pod.set("metadata", "finalizers", ["example.com/hold"])
        try state.update(.pod, namespace: "default", name: "one", to: pod)
        try state.delete(.pod, namespace: "default", name: "one")
        state.removeStopped(now: .greatestFiniteMagnitude)
        var held = state.value(.pod, "default", "one")
        #expect(!held["metadata"]["deletionTimestamp"].isNull)
        held.set("metadata", "finalizers", .null)
        try state.update(.pod, namespace: "default", name: "one", to: held)
        #expect(state.store.count(.pod) == 0)
    }

    @Test("a namespace goes when it is empty") func namespace() throws {
        var state = makeCluster(Self.web.replacing("metadata: {", with: "metadata: {namespace: shop, "))
        try state.delete(.namespace, namespace: "", name: "shop")
        #expect(state.value(.namespace, "", "shop")["status"]["phase"].text == "Terminating")
        do {
            try state.create(.configMap, ["metadata": ["name": "late", "namespace": "shop"]])
            Issue.record("a terminating namespace took an object")
        } catch {
            #expect(error.code == 403)
        }
        state.removeStopped(now: .greatestFiniteMagnitude)
        #expect(state.store.find(.namespace, namespace: "", name: "shop") == nil)
        #expect(state.store.count(.service) == 1)
    }

    @Test("orphans stay without their owner") func orphans() throws {
        var state = makeCluster(
            """
            apiVersion: apps/v1
            kind: ReplicaSet
            metadata: {name: set}
            spec:
              replicas: 2
              selector: {matchLabels: {app: set}}
              template: {metadata: {labels: {app: set}}, spec: {containers: [{name: c, image: i}]}}
            """)
        try state.delete(.replicaSet, namespace: "default", name: "set", Deletion(orphansOwned: true))
        #expect(state.store.list(.pod).map { $0.value(.pod)["metadata"]["ownerReferences"] } == [.null, .null])
    }
}
