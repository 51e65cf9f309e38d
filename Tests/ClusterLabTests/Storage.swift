import Testing
import Text

@testable import ClusterLab

@Suite("Versions, history and selection") struct Storage {
    private func configMap(_ name: String, _ value: String = "") -> JSONValue {
        ["metadata": ["name": .string(name), "namespace": "default"], "data": ["v": .string(value)]]
    }

    @Test("history is bounded, and what lies before it is gone") func boundedHistory() {
        var store = ObjectStore(historyLimit: 3)
        for number in 0..<10 { store.put(.configMap, configMap("a", "\(number)")) }
        #expect(store.changes(.configMap, after: store.version - 3)?.count == 3)
        #expect(store.changes(.configMap, after: store.version - 4) == nil)
        #expect(store.changes(.configMap, after: store.version)?.count == 0)
        #expect(store.list(.configMap, namespace: nil, at: store.version - 4) == nil)
    }

    @Test("a list at an older version shows that version") func olderVersion() {
        var store = ObjectStore()
        store.put(.configMap, configMap("a", "old"))
        store.put(.configMap, configMap("b"))
        let then = store.version
        store.put(.configMap, configMap("a", "new"))
        store.remove(.configMap, namespace: "default", name: "b")
        store.put(.configMap, configMap("c"))
        let old = store.list(.configMap, namespace: nil, at: then)?.map { $0.value(.configMap) }
        #expect(old?.map(\.name) == ["a", "b"])
        #expect(old?.first?["data"]["v"].text == "old")
        #expect(store.list(.configMap).map(\.name) == ["a", "c"])
    }

    @Test("a stale update is a conflict, an idle one is no event") func updates() throws {
        var state = makeCluster()
        let first = try state.create(.configMap, configMap("a", "1"))
        try state.update(.configMap, namespace: "default", name: "a", to: configMap("a", "2"))
        let version = state.store.version
        try state.update(.configMap, namespace: "default", name: "a", to: configMap("a", "2"))
        #expect(state.store.version == version)
        do {
            try state.update(.configMap, namespace: "default", name: "a", to: first.value(.configMap))
            Issue.record("a stale version was accepted")
        } catch {
            #expect(error.code == 409)
        }
        do {
            try state.create(.configMap, configMap("a"))
            Issue.record("a second object of one name was accepted")
        } catch {
            #expect(error.reason == "AlreadyExists")
        }
    }

    @Test(
        "label selectors",
        arguments: [
            ("a=b", true), ("a==b", true), ("a!=b", false), ("a in (b,c)", true), ("a notin (b)", false), ("a", true),
            ("!a", false), ("x!=y", true), ("!x", true), ("a=b,x", false), ("", true),
        ])
    func labels(_ text: String, _ matches: Bool) throws {
        #expect(try LabelSelector(text).matches(["a": "b"]) == matches)
    }

    @Test("field selectors") func fields() throws {
        let pod: JSONValue = ["metadata": ["name": "p"], "status": ["phase": "Running"]]
        #expect(try FieldSelector("status.phase!=Succeeded,status.phase!=Failed", kind: .pod).matches(pod))
        #expect(try !FieldSelector("metadata.name=q", kind: .pod).matches(pod))
        #expect(throws: StatusError.self) { try FieldSelector("spec.color=red", kind: .pod) }
    }

    @Test(
        "bad list options are refused",
        arguments: [
            ("watch=1&sendInitialEvents=true", 422), ("resourceVersionMatch=Exact", 422), ("limit=-1", 400),
            ("continue=nope", 400), ("sendInitialEvents=true", 422),
            ("resourceVersion=0&resourceVersionMatch=Exact", 422),
        ])
    func options(_ query: String, _ code: Int) {
        do {
            _ = try ListOptions(query: query, kind: .service)
            Issue.record("\(query) was accepted")
        } catch {
            #expect(error.code == code)
        }
    }

    @Test("patches") func patches() throws {
        let object: JSONValue = ["a": 1, "list": [["name": "x", "v": 1], ["name": "y", "v": 2]]]
        #expect(MergePatch.apply(["a": .int(2)], to: object)["a"] == 2)
        let removal = try JSONReader.read(Array(#"{"a":null}"#.utf8))
        #expect(!MergePatch.apply(removal, to: object).has("a"))
        let operations = try JSONReader.read(
            Array(
                #"[{"op":"test","path":"/a","value":1},{"op":"add","path":"/list/-","value":3},{"op":"remove","path":"/list/0"}]"#
                    .utf8))
        #expect(try JSONPatch.apply(operations, to: object)["list"].elements.count == 2)
        let failing = try JSONReader.read(Array(#"[{"op":"replace","path":"/nothing/0","value":1}]"#.utf8))
        #expect(throws: StatusError.self) { try JSONPatch.apply(failing, to: object) }
        let pod: JSONValue = ["containers": [["name": "x", "image": "1"], ["name": "y", "image": "2"]]]
        let change = try JSONReader.read(
            Array(
                #"{"containers":[{"name":"y","image":"3"},{"name":"x","$patch":"delete"},{"name":"z","image":"4"}]}"#
                    .utf8))
        let patched = StrategicMergePatch.apply(change, to: pod)["containers"].elements
        #expect(patched.map { $0["name"].text } == ["y", "z"])
        #expect(patched.first?["image"].text == "3")
    }
}
