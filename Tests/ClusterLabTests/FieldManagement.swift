import Testing
import Text

@testable import ClusterLab

@Suite("Who owns which field") struct FieldManagement {
    private func json(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

    @Test("fieldsV1 reads and writes the same") func fieldsV1() throws {
        let text = #"{"f:data":{".":{},"f:a":{}},"f:spec":{"f:ports":{"k:{\"port\":80}":{".":{},"f:port":{}}}}}"#
        let value = try json(text)
        #expect(FieldSet(value).value == value)
    }

    @Test("an object's fields: members, elements with keys, values, whole lists") func ofObject() throws {
        let service = try json(
            """
            {"metadata": {"labels": {"a": "b"}, "finalizers": ["x"]},
             "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], "clusterIPs": ["None"]}}
            """)
        let wanted = try json(
            #"""
            {"f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {"v:\"x\"": {}}},
             "f:spec": {"f:selector": {}, "f:clusterIPs": {},
               "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:targetPort": {}}}}}
            """#)
        #expect(FieldSet(of: service, FieldShape(.service)).value.sortedByName == wanted.sortedByName)
    }

    @Test("an EndpointSlice's ports are one value") func wholeLists() throws {
        let slice = try json(#"{"ports": [{"name": "a", "port": 1}], "endpoints": [{"addresses": ["192.0.2.1"]}]}"#)
        #expect(FieldSet(of: slice, FieldShape(.endpointSlice)).paths() == [".endpoints", ".ports"])
    }

    @Test("what changed and what is gone") func difference() throws {
        let old = try json(#"{"data": {"a": "1", "b": "1", "c": "1"}}"#)
        let new = try json(#"{"data": {"a": "1", "b": "2", "d": "1"}}"#)
        let found = FieldSet.difference(from: old, to: new, FieldShape(.configMap))
        #expect(found.changed.paths() == [".data.b", ".data.d"])
        #expect(found.removed.paths() == [".data.c"])
    }

    private func manager(_ name: String, isForced: Bool = false) -> FieldManager {
        var manager = FieldManager(name: name)
        manager.isForced = isForced
        return manager
    }

    /// Applies a ConfigMap's data by a manager to a cluster.
    private func apply(
        _ data: JSONValue, by name: String, isForced: Bool = false, in state: inout ClusterState
    ) throws(StatusError) {
        let object: JSONValue = ["metadata": ["name": "settings", "namespace": "default"], "data": data]
        let apply = ServerSideApply(object, .configMap, by: manager(name, isForced: isForced))
        guard let stored = state.store.find(.configMap, namespace: "default", name: "settings") else {
            let outcome = apply.creating()
            try state.create(.configMap, outcome.object, by: outcome.manager)
            return
        }
        let outcome = try apply.updating(stored.typed(.configMap))
        try state.update(
            .configMap, namespace: "default", name: "settings", to: outcome.object, by: outcome.manager)
    }

    @Test("two managers, a conflict, force, and what nobody states any more") func serverSideApply() throws {
        var state = makeCluster()
        try apply(["a": "1", "b": "1"], by: "one", in: &state)
        try apply(["a": "1"], by: "two", in: &state)
        do {
            try apply(["a": "2"], by: "two", in: &state)
            Issue.record("a field of another manager was overridden")
        } catch {
            #expect(error.code == 409)
            #expect(error.message == "Apply failed with 1 conflict: conflict with \"one\": .data.a")
        }
        try apply(["a": "2"], by: "two", isForced: true, in: &state)
        #expect(state.value(.configMap, "default", "settings")["data"] == ["a": "2", "b": "1"])
        try apply(.null, by: "one", in: &state)
        #expect(state.value(.configMap, "default", "settings")["data"] == ["a": "2"])
    }

    @Test("an update takes what it changes from those who applied it") func update() throws {
        var state = makeCluster()
        try apply(["a": "1", "b": "1"], by: "one", in: &state)
        var object = state.value(.configMap, "default", "settings")
        object["data"] = ["a": "2", "b": "1"]
        try state.update(
            .configMap, namespace: "default", name: "settings", to: object, by: FieldManager(name: "hand"))
        let managed = ManagedFields(state.value(.configMap, "default", "settings")["metadata"]["managedFields"])
        #expect(managed.entries.map(\.manager) == ["one", "hand"])
        #expect(managed.entries.map { $0.fields.paths() } == [[".data.b"], [".data.a"]])
    }
}
