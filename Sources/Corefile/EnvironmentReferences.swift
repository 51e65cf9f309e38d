/// `{$NAME}` and `{%NAME%}` anywhere in a word. A variable that is not set is empty text.
enum EnvironmentReferences {
    /// What a variable holds is not searched again, so that no variable can refer to itself.
    static func substituted(in text: String, from environment: (String) -> String?) -> String {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
        var result = ""
        var rest = text.utf8[...]
        while let brace = rest.firstIndex(of: UInt8(ascii: "{")) {
            result += String(Substring(rest[..<brace]))
            rest = rest[brace...]
            if let name = takeReference(&rest) {
                result += environment(name) ?? ""
            } else {
                result += "{"
                rest = rest.dropFirst()
            }
        }
        return result + String(Substring(rest))
    }

    /// Takes a reference off the front and gives its name; takes nothing when there is none, as in `{$}`.
    private static func takeReference(_ rest: inout Substring.UTF8View) -> String? {
        let mark = rest.dropFirst().first
        guard mark == UInt8(ascii: "$") || mark == UInt8(ascii: "%") else { return nil }
        let body = rest.dropFirst(2)
        guard let close = body.firstIndex(of: UInt8(ascii: "}")) else { return nil }
        var name = body[..<close]
        if mark == UInt8(ascii: "%") {
            guard name.last == UInt8(ascii: "%") else { return nil }
            name = name.dropLast()
        }
        guard !name.isEmpty else { return nil }
        rest = body[body.index(after: close)...]
        return String(Substring(name))
    }
}
