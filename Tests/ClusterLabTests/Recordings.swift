import Foundation
import Text

@testable import ClusterLab

/// What a real API server sent, by file name.
enum Recordings {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/apiserver-recordings")

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func json(_ name: String) throws -> JSONValue { try JSONReader.read(bytes(name)) }
}

/// A cluster of its own for one test, with the standard namespaces.
func makeCluster(_ yaml: String = "", historyLimit: Int = 4096) -> ClusterState {
    var state = ClusterState(historyLimit: historyLimit)
    state.createStandardObjects()
    _ = try? state.create(
        .node, ["metadata": ["name": "node-0", "labels": ["topology.kubernetes.io/zone": "zone-a"]]])
    let (objects, problems) = ManifestReader.read(yaml, file: "test.yaml")
    precondition(problems.isEmpty, "\(problems)")
    let wrong = state.apply(objects).problems
    precondition(wrong.isEmpty, "\(wrong)")
    return state
}

extension ClusterState {
    func value(_ kind: ResourceKind, _ namespace: String, _ name: String) -> JSONValue {
        store.find(kind, namespace: namespace, name: name)?.value(kind) ?? .null
    }

    /// Address → ready, over all slices of a service.
    func endpoints(of service: String, in namespace: String = "default") -> [String: Bool] {
        var found: [String: Bool] = [:]
        for slice in store.list(.endpointSlice, namespace: namespace).map({ $0.value(.endpointSlice) })
        where slice.labels[EndpointSliceController.serviceLabel] == service {
            for endpoint in slice["endpoints"].elements {
                found[endpoint["addresses"].elements.first?.text ?? ""] = endpoint["conditions"]["ready"].flag
            }
        }
        return found
    }
}
