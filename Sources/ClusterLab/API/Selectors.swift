import Foundation
package import Text

/// Which labels an object must have.
package struct LabelSelector: Sendable {
    enum Requirement: Sendable {
        case within(String, Set<String>)
        case outside(String, Set<String>)
        case exists(String)
        case missing(String)

        /// Whether the key holds only what a label's name may hold.
        var hasValidKey: Bool {
            let key =
                switch self {
                case .within(let key, _), .outside(let key, _), .exists(let key), .missing(let key): key
                }
            return !key.isEmpty && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || "-_./".contains($0) }
        }
    }

    private(set) var requirements: [Requirement] = []

    init() {}

    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    package init(_ text: String) throws(StatusError) {
        for part in Self.parts(of: text) {
            let part = part.trimmed
            if part.isEmpty { continue }
            let requirement = try Self.requirement(part)
            guard requirement.hasValidKey else { throw Self.unreadable(part) }
            requirements.append(requirement)
        }
    }

    /// Splits at commas outside parentheses.
    private static func parts(of text: String) -> [Substring] {
        var parts: [Substring] = []
        var start = text.startIndex
        var depth = 0
        for index in text.indices {
            switch text[index] {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth == 0:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
        }
        return parts + [text[start...]]
    }

    private static func requirement(_ part: Substring) throws(StatusError) -> Requirement {
        if let open = part.firstIndex(of: "("), part.last == ")" {
            let values = part[part.index(after: open)...].dropLast().split(separator: ",").map { String($0.trimmed) }
            let words = part[..<open].split(separator: " ").map(String.init)
            if words.count == 2, words[1] == "in" { return .within(words[0], Set(values)) }
            if words.count == 2, words[1] == "notin" { return .outside(words[0], Set(values)) }
        } else if let range = part.firstRange(of: "!=") {
            return .outside(String(part[..<range.lowerBound].trimmed), [String(part[range.upperBound...].trimmed)])
        } else if let range = part.firstRange(of: "==") ?? part.firstRange(of: "=") {
            return .within(String(part[..<range.lowerBound].trimmed), [String(part[range.upperBound...].trimmed)])
        } else if part.hasPrefix("!"), !part.contains(" ") {
            return .missing(String(part.dropFirst().trimmed))
        } else if !part.contains(" "), !part.contains("(") {
            return .exists(String(part))
        }
        throw unreadable(part)
    }

    private static func unreadable(_ part: Substring) -> StatusError {
        .badRequest("unable to parse requirement: found \"\(part)\", expected KEY=VALUE, KEY in (…), KEY or !KEY")
    }

    package func matches(_ labels: [String: String]) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .within(let key, let values): labels[key].map(values.contains) ?? false
            // As in Kubernetes, a missing label is different from every value.
            case .outside(let key, let values): labels[key].map { !values.contains($0) } ?? true
            case .exists(let key): labels[key] != nil
            case .missing(let key): labels[key] == nil
            }
        }
    }
}

/// Which fields an object must have; only the fields the API server indexes.
package struct FieldSelector: Sendable {
    struct Requirement: Sendable {
        let path: [String]
        let value: String
        let isEqual: Bool
    }

    private(set) var requirements: [Requirement] = []

    private static let supported: [String: [String]] = [
        "Pod": [
            "status.phase", "spec.nodeName", "status.podIP", "spec.restartPolicy", "spec.schedulerName",
            "spec.serviceAccountName", "spec.hostNetwork",
        ],
        "Node": ["spec.unschedulable"], "Namespace": ["status.phase"], "Service": ["spec.clusterIP", "spec.type"],
        "Event": [
            "involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "involvedObject.uid", "reason",
            "type", "regarding.kind", "regarding.name", "regarding.namespace", "regarding.uid",
        ],
        "ReplicaSet": ["status.replicas"],
    ]

    init() {}

    package init(_ text: String, kind: ResourceKind) throws(StatusError) {
        for part in text.split(separator: ",") {
            let part = part.trimmed
            if part.isEmpty { continue }
            let isEqual = part.firstRange(of: "!=") == nil
            guard let range = part.firstRange(of: "!=") ?? part.firstRange(of: "==") ?? part.firstRange(of: "=") else {
                throw .badRequest("invalid selector: found \"\(part)\", expected FIELD=VALUE or FIELD!=VALUE")
            }
            let name = String(part[..<range.lowerBound].trimmed)
            let known =
                ["metadata.name", "metadata.namespace"] + (kind.custom == nil ? Self.supported[kind.kind] ?? [] : [])
            guard known.contains(name) else {
                throw .badRequest("field label not supported: \(name)")
            }
            requirements.append(
                Requirement(
                    path: name.split(separator: ".").map(String.init), value: String(part[range.upperBound...].trimmed),
                    isEqual: isEqual))
        }
    }

    /// The one name the selector allows, when it names one.
    var onlyName: String? {
        requirements.first { $0.path == ["metadata", "name"] && $0.isEqual }?.value
    }

    package func matches(_ object: JSONValue) -> Bool {
        requirements.allSatisfy { requirement in
            let found: String
            switch object[path: requirement.path] {
            case .string(let text): found = text
            case .bool(let flag): found = String(flag)
            case .int(let number): found = String(number)
            default: found = ["unschedulable", "hostNetwork"].contains(requirement.path.last) ? "false" : ""
            }
            return (found == requirement.value) == requirement.isEqual
        }
    }
}

extension StringProtocol where SubSequence == Substring {
    var trimmed: Substring {
        var rest = self[...]
        while rest.first == " " { rest = rest.dropFirst() }
        while rest.last == " " { rest = rest.dropLast() }
        return rest
    }
}

enum Base64 {
    static func decode(_ text: String) -> [UInt8]? { Data(base64Encoded: text).map(Array.init) }
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
