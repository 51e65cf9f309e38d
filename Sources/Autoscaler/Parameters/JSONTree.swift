/// A JSON document (RFC 8259) as Go's encoding/json takes it apart: numbers keep their text, members their order.
package indirect enum JSONTree: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONTree])
    case object([Member])

    package struct Member: Equatable, Sendable {
        package var name: String
        package var value: JSONTree
    }

    /// What a person calls this kind of value.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number(let text): "the number \(text.prefix(40))"
        case .string(let text): "the string \"\(text.prefix(40))\""
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The members of an object, a later one of the same name in place of an earlier one.
    package var members: [String: JSONTree]? {
        guard case .object(let members) = self else { return nil }
        return Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    // MARK: Writing

    /// The document as Go's json.Marshal writes a map: sorted names, no space, characters special to HTML escaped.
    package var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): Self.goNumber(text)
        case .string(let text): Self.quoted(text)
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .object:
            "{"
                + (members ?? [:]).sorted { $0.key < $1.key }
                .map { Self.quoted($0.key) + ":" + $0.value.text }.joined(separator: ",") + "}"
        }
    }

    /// Go reads any number into a float64 and writes it without an exponent between 1e-6 and 1e21.
    private static func goNumber(_ text: String) -> String {
        guard let value = Double(text), value.isFinite else { return text }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    package static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
