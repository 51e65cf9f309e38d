/// Bodies of requests as JSON text.
enum JSONWriting {
    /// A string in quotes (RFC 8259 §7).
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    /// An object of strings, sorted by name.
    static func strings(_ pairs: [String: String]) -> String {
        let members = pairs.sorted { $0.key < $1.key }.map { quoted($0.key) + ":" + quoted($0.value) }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// The members of a JSON object whose own text is wanted; absent ones are missing.
    static func members(_ wanted: [String], of body: [UInt8]) throws(DecodingFailure) -> [String: [UInt8]] {
        var splitter = JSONMemberSplitter(
            wanted: Dictionary(wanted.map { ($0, SizeLimit.item) }, uniquingKeysWith: { first, _ in first }))
        var found: [String: [UInt8]] = [:]
        for case .member(let name, let bytes) in try splitter.feed(body) { found[name] = bytes }
        try splitter.finish()
        return found
    }
}
