internal import Yams

/// A YAML file of keys within keys, as programs keep their settings in.
package struct YAMLSettings {
    /// One value: its keys from the outermost in, divided by dots, and its text; nil for a list and for nothing.
    package struct Entry: Equatable {
        package let key: String
        package let text: String?
    }

    /// In the order of the file.
    package let entries: [Entry]

    /// - Parameters:
    ///   - text: of the file.
    ///   - path: of the file.
    ///   - expected: what it should hold.
    package init(_ text: String, of path: String, expecting expected: String) throws(CredentialsError) {
        let root = try Self.root(text, of: path, expecting: expected)
        entries = Self.entries(root, within: "")
    }

    /// The outermost keys.
    static func root(_ text: String, of path: String, expecting expected: String) throws(CredentialsError) -> Node {
        let composed: Node?
        do {
            composed = try Yams.compose(yaml: text)
        } catch {
            // Not the error's own text: it quotes the line, which may hold a secret.
            throw CredentialsError(in: path, found: "text that is not YAML\(line(of: error))", expected: expected)
        }
        guard let composed, composed.mapping != nil else {
            throw CredentialsError(in: path, found: "no keys", expected: expected)
        }
        return composed
    }

    private static func line(of error: any Error) -> String {
        switch error as? YamlError {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            " (line \(mark.line))"
        default: ""
        }
    }

    private static func entries(_ node: Node, within outer: String) -> [Entry] {
        guard let mapping = node.mapping else { return [Entry(key: outer, text: node.text)] }
        return mapping.flatMap { key, value in
            entries(value, within: (outer.isEmpty ? "" : outer + ".") + (key.string ?? "?"))
        }
    }
}

extension Node {
    /// The text of one value; nil when it is empty, null or no single value.
    var text: String? {
        guard case .scalar(let scalar) = self else { return nil }
        let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
        return isNull || scalar.string.isEmpty ? nil : scalar.string
    }
}
