import ClusterLab
import ClusterModel
import Foundation
import Testing
import Text

@testable import KubernetesAPI

/// The cluster of the answer scripts, as an API server would list it; scripts may change it.
struct ScriptCluster {
    private struct Stored {
        let kind: ObjectKind
        let path: String
        var object: JSONValue
    }

    private var all: [Stored] = []
    /// `KEY=VALUE` that namespaces must have to be listed; empty for all of them.
    var namespaceLabel = ""
    /// The same for all other objects.
    var label = ""

    private static let kinds = [
        "Namespace": ObjectKind.namespace, "Service": .service, "EndpointSlice": .endpointSlice, "Pod": .pod,
        "ServiceImport": .serviceImport,
    ]

    init(manifest: URL) throws {
        let text = try String(contentsOf: manifest, encoding: .utf8)
        let (objects, problems) = ManifestReader.read(text, file: manifest.lastPathComponent)
        try #require(problems.isEmpty)
        // The API server learns from the definition what ServiceImports are.
        for manifest in objects where manifest.object["kind"].text != "CustomResourceDefinition" {
            let metadata = manifest.object["metadata"]
            let kind = try #require(Self.kinds[manifest.object["kind"].text ?? ""])
            let names = [metadata["namespace"].text, metadata["name"].text].compactMap(\.self)
            all.append(Stored(kind: kind, path: names.joined(separator: "/"), object: manifest.object))
        }
    }

    /// - Parameter kind: as in paths of the API, such as `services`.
    mutating func patch(_ kind: String, _ path: String, _ body: String) throws {
        let position = try #require(all.firstIndex { $0.kind.rawValue == kind && $0.path == path })
        all[position].object = MergePatch.apply(try JSONReader.read(Array(body.utf8)), to: all[position].object)
    }

    mutating func delete(_ kind: String, _ path: String) throws {
        all.remove(at: try #require(all.firstIndex { $0.kind.rawValue == kind && $0.path == path }))
    }

    /// What cluster DNS keeps of the objects.
    func objects() throws -> [ClusterObject] {
        try all.filter(isListed).compactMap { stored in
            try ObservedObject(stored.kind, from: stored.object.bytes, .json, isEnveloped: false).object
        }
    }

    private func isListed(_ stored: Stored) -> Bool {
        let wanted = stored.kind == .namespace ? namespaceLabel : label
        let labels = stored.object["metadata"]["labels"]
        return wanted.isEmpty || labels.textMembers.contains { "\($0.key)=\($0.value)" == wanted }
    }
}
