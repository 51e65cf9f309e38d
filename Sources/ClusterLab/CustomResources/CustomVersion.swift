import Text

/// One served version of a CustomResourceDefinition: its names, its schema and the columns it wants shown.
final class CustomVersion: Sendable {
    let singular: String
    let listKind: String
    let categories: [String]
    /// The structural schema, `.null` where the definition brings none.
    let schema: JSONValue
    /// Title, JSON path and priority of the columns after the name.
    let columns: [(title: String, path: [String], isWide: Bool)]
    /// Where the scale sub-resource finds its numbers and selector; nil without one.
    let scale: ScalePaths?

    /// The paths of a `scale` sub-resource.
    struct ScalePaths: Sendable {
        let specReplicas: [String]
        let statusReplicas: [String]
        let selector: [String]
    }

    init(names: JSONValue, version: JSONValue) {
        let kind = names["kind"].text ?? ""
        singular = names["singular"].text ?? kind.lowercased()
        listKind = names["listKind"].text ?? kind + "List"
        categories = names["categories"].elements.compactMap(\.text)
        schema = version["schema"]["openAPIV3Schema"]
        columns = version["additionalPrinterColumns"].elements.map { column in
            (
                column["name"].text ?? "", Self.path(column["jsonPath"].text ?? ""),
                (column["priority"].number ?? 0) > 0
            )
        }
        let paths = version["subresources"]["scale"]
        scale =
            paths.isObject
            ? ScalePaths(
                specReplicas: Self.path(paths["specReplicasPath"].text ?? ""),
                statusReplicas: Self.path(paths["statusReplicasPath"].text ?? ""),
                selector: Self.path(paths["labelSelectorPath"].text ?? "")) : nil
    }

    /// Members a path goes through at most.
    private static let deepest = 32

    /// The members a simple JSON path (`.spec.size`) goes through.
    private static func path(_ text: String) -> [String] {
        text.split(separator: ".", maxSplits: deepest).prefix(deepest).map(String.init)
    }
}

extension JSONValue {
    /// Sets the member at a path, making the objects on the way.
    mutating func set(path: ArraySlice<String>, to value: JSONValue) {
        guard let name = path.first else {
            self = value
            return
        }
        var inner = self[name]
        if !inner.isObject, path.count > 1 { inner = .object([]) }
        inner.set(path: path.dropFirst(), to: value)
        self[name] = inner
    }
}
