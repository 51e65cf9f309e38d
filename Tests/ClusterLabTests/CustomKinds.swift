import Testing
import Text

@testable import ClusterLab

@Suite("Kinds that definitions bring") struct CustomKinds {
    private static let definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: wheels.example.com}
        spec:
          group: example.com
          scope: Namespaced
          names: {plural: wheels, kind: Wheel}
          versions:
          - name: v1
            served: true
            storage: true
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec: {type: object, properties: {size: {type: integer}, count: {type: integer, default: 4}}}
        ---
        apiVersion: example.com/v1
        kind: Wheel
        metadata: {name: front}
        spec: {size: 28, unknown: 1}
        """

    @Test("a manifest's object is pruned, defaulted, and goes with its definition") func lifecycle() throws {
        var state = makeCluster(Self.definition)
        let kind = try #require(state.kind(apiVersion: "example.com/v1", kind: "Wheel"))
        #expect(state.store.list(kind).map { $0.value(kind)["spec"] } == [["size": 28, "count": 4]])
        #expect(kind.schema == nil)
        do {
            try state.create(
                kind, ["metadata": ["name": "x", "namespace": "default"], "spec": ["size": "large"]])
            Issue.record("a value of another type was taken")
        } catch {
            #expect(error.code == 422)
        }
        try state.delete(.customResourceDefinition, namespace: "", name: "wheels.example.com")
        #expect(state.kind(apiVersion: "example.com/v1", kind: "Wheel") == nil)
        #expect(state.store.list(kind).isEmpty)
    }

    @Test("unknown fields of built-in kinds are found at any depth") func unknownFields() {
        let object: JSONValue = [
            "kind": "Pod", "apiVersion": "v1", "metadata": ["name": "p", "lables": ["a": "b"]],
            "spec": [
                "containers": [
                    ["name": "c", "lifecycle": ["preStop": ["sleep": ["seconds": 5]]], "imagePulPolicy": "x"]
                ], "affinity": ["nodeAffinity": .object([])], "volumes": [["name": "v", "emptyDir": .object([])]],
            ],
        ]
        let (kept, paths) = UnknownFields.removed(from: object, .pod)
        #expect(paths == ["metadata.lables", "spec.containers[0].imagePulPolicy"])
        #expect(kept["spec"]["containers"].elements.first?["imagePulPolicy"].isNull == true)
        #expect(kept["spec"]["affinity"] == ["nodeAffinity": .object([])])
    }
}
