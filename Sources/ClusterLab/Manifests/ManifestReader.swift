import Foundation
package import Text
import Yams

/// One object of a manifest and where it stands.
package struct ManifestObject: Sendable {
    package let object: JSONValue
    package let file: String
    package let line: Int

    package init(object: JSONValue, file: String, line: Int) {
        self.object = object
        self.file = file
        self.line = line
    }
}

/// One thing wrong in a manifest.
package struct ManifestProblem: Error, Sendable, CustomStringConvertible {
    package let file: String
    package let line: Int
    package let found: String
    package let expected: String
    package var description: String { "\(file):\(line): found \(found), expected \(expected)" }
}

/// Reads manifests as kubectl would: YAML of many documents, JSON, List objects.
package enum ManifestReader {
    /// Everything a file holds; what is wrong is told, and the rest still counts.
    package static func read(_ text: String, file: String) -> (objects: [ManifestObject], problems: [ManifestProblem]) {
        var objects: [ManifestObject] = []
        var problems: [ManifestProblem] = []
        let start = text.utf8.first { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        if start == UInt8(ascii: "{") || start == UInt8(ascii: "[") {
            let bytes = Array(text.utf8)
            do {
                let value = try JSONReader.read(bytes)
                collect(value, file: file, line: 1, &objects, &problems)
                return (objects, problems)
            } catch {
                let line = 1 + bytes.prefix(error.offset).count { $0 == 0x0A }
                if file.hasSuffix(".json") {
                    let found =
                        error.offset < bytes.count
                        ? "\"\(String(decoding: bytes[error.offset...].prefix(20), as: UTF8.self))\""
                        : "the end of the file"
                    problems.append(ManifestProblem(file: file, line: line, found: found, expected: error.expected))
                    return ([], problems)
                }
            }
        }
        for (document, firstLine) in documents(of: text) {
            read(document: document, file: file, firstLine: firstLine, &objects, &problems)
        }
        return (objects, problems)
    }

    /// The one object in a YAML body; nil when there is none.
    static func object(inYAML text: String) -> JSONValue? {
        guard let node = try? Yams.compose(yaml: text) else { return nil }
        let value = YAMLValue.json(node, depth: 0)
        return value.isObject ? value : nil
    }

    /// Splits at lines `---`, so that one broken document spoils no other.
    private static func documents(of text: String) -> [(text: String, firstLine: Int)] {
        var documents: [(String, Int)] = []
        var lines: [Substring] = []
        var firstLine = 1
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line == "---" || line.hasPrefix("--- ") || line.hasPrefix("---\r") {
                documents.append((lines.joined(separator: "\n"), firstLine))
                lines = []
                firstLine = number + 2
            } else {
                lines.append(line)
            }
        }
        return documents + [(lines.joined(separator: "\n"), firstLine)]
    }

    private static func read(
        document: String, file: String, firstLine: Int, _ objects: inout [ManifestObject],
        _ problems: inout [ManifestProblem]
    ) {
        do {
            guard let node = try Yams.compose(yaml: document) else { return }
            let line = firstLine + max(0, (node.mark?.line ?? 1) - 1)
            if case .mapping = node {
                collect(YAMLValue.json(node, depth: 0), file: file, line: line, &objects, &problems)
            } else if case .scalar(let scalar) = node, scalar.string.isEmpty {
                return
            } else {
                problems.append(
                    ManifestProblem(
                        file: file, line: line, found: YAMLValue.json(node, depth: 0).description,
                        expected: "an object with apiVersion, kind and metadata"))
            }
        } catch {
            let (line, problem) = YAMLValue.place(of: error)
            problems.append(
                ManifestProblem(file: file, line: firstLine + max(0, line - 1), found: problem, expected: "valid YAML"))
        }
    }

    /// Whether a definition may bring the object's kind: its group is none of the built-in ones.
    private static func mayBeCustom(_ object: JSONValue) -> Bool {
        let parts = object.apiVersion.split(separator: "/")
        return parts.count == 2 && parts[0].contains(".") && !object.name.isEmpty
            && !ResourceKind.all.contains { $0.group == parts[0] }
    }

    /// Takes an object, or the items of a List.
    private static func collect(
        _ value: JSONValue, file: String, line: Int, _ objects: inout [ManifestObject],
        _ problems: inout [ManifestProblem]
    ) {
        func problem(_ found: String, _ expected: String) {
            problems.append(ManifestProblem(file: file, line: line, found: found, expected: expected))
        }
        guard value.isObject else { return problem(value.description, "an object with apiVersion, kind and metadata") }
        guard !value.kind.isEmpty, !value.apiVersion.isEmpty else {
            return problem("an object without \(value.kind.isEmpty ? "kind" : "apiVersion")", "apiVersion and kind")
        }
        if value.kind.hasSuffix("List"), case .array(let items) = value["items"] {
            for item in items {
                var item = item
                if item.kind.isEmpty, value.kind != "List" {
                    item["kind"] = .string(String(value.kind.dropLast(4)))
                    item["apiVersion"] = .string(value.apiVersion)
                }
                collect(item, file: file, line: line, &objects, &problems)
            }
            return
        }
        guard let kind = ResourceKind.named(apiVersion: value.apiVersion, kind: value.kind) else {
            if mayBeCustom(value) { return objects.append(ManifestObject(object: value, file: file, line: line)) }
            return problem("\(value.apiVersion) \(value.kind)", "a kind of the embedded cluster")
        }
        var object = value
        if kind.isNamespaced, object.namespace.isEmpty { object.set("metadata", "namespace", "default") }
        if !kind.isNamespaced { object.set("metadata", "namespace", .null) }
        do {
            try Validation.metadata(kind, object.withoutType)
        } catch {
            let message = error.message.replacing(": found ", with: " found ")
            return problem("\(kind.kind) \(object.name): \(message)", "a valid \(kind.kind)")
        }
        objects.append(ManifestObject(object: object, file: file, line: line))
    }
}

/// YAML nodes as JSON values, with YAML 1.1's types as kubectl understands them.
enum YAMLValue {
    static func json(_ node: Node, depth: Int) -> JSONValue {
        // Aliases may nest an object into itself many times; JSON's limit holds here too.
        guard depth < 128 else { return .null }
        switch node {
        case .mapping(let mapping):
            return .object(
                mapping.map { .init($0.key.string ?? "", json($0.value, depth: depth + 1)) })
        case .sequence(let sequence): return .array(sequence.map { json($0, depth: depth + 1) })
        case .scalar(let scalar):
            switch node.tag.description {
            case "tag:yaml.org,2002:int":
                return Int.construct(from: scalar).map { .int(Int64($0)) } ?? .string(scalar.string)
            case "tag:yaml.org,2002:bool":
                return Bool.construct(from: scalar).map { .bool($0) } ?? .string(scalar.string)
            case "tag:yaml.org,2002:float":
                return Double.construct(from: scalar).map { .real(JSONReal($0)) } ?? .string(scalar.string)
            case "tag:yaml.org,2002:null": return .null
            default: return .string(scalar.string)
            }
        default: return .null
        }
    }

    /// The line of a YAML error within its document, and what it says.
    static func place(of error: any Error) -> (line: Int, problem: String) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (mark.line, problem)
        case .some(let other): (1, "\(other)")
        case nil: (1, "\(error)")
        }
    }
}
