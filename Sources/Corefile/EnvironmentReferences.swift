/// `{$NAME}` and `{%NAME%}` anywhere in a word. A variable that is not set is empty text.
enum EnvironmentReferences {
    /// What a variable holds is not searched again, so that no variable can refer to itself.
    static func substituted(in text: String, from environment: (String) -> String?) -> String {
        let text = text.utf8
        guard var close = text.firstIndex(of: UInt8(ascii: "}")) else { return String(text) }
        var result = ""
        var rest = text[...]
        while let brace = rest.firstIndex(of: UInt8(ascii: "{")) {
            result += String(Substring(rest[..<brace]))
            rest = rest[brace...]
            // Found once for all openings before it: a word of openings only must not be searched again for each.
            if close < brace {
                guard let next = rest.firstIndex(of: UInt8(ascii: "}")) else { break }
                close = next
            }
            if let name = name(in: rest[..<close]) {
                result += environment(name) ?? ""
                rest = rest[text.index(after: close)...]
            } else {
                result += "{"
                rest = rest.dropFirst()
            }
        }
        return result + String(Substring(rest))
    }

    /// The name in a reference without its last brace; nothing when it is none, as in `{$}`.
    private static func name(in reference: Substring.UTF8View) -> String? {
        var name = reference.dropFirst(2)
        switch reference.dropFirst().first {
        case UInt8(ascii: "$"): break
        case UInt8(ascii: "%"):
            guard name.last == UInt8(ascii: "%") else { return nil }
            name = name.dropLast()
        default: return nil
        }
        return name.isEmpty ? nil : String(Substring(name))
    }
}
