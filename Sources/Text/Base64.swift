/// Octets as padded text (RFC 4648 §4).
package enum Base64 {
    package static func text(of octets: [UInt8]) -> String {
        let text = Base64URL.text(of: octets).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        return String(text) + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }

    /// Nil when `text` holds any other character.
    package static func octets(of text: String) -> [UInt8]? {
        let plain = text.reversed().drop { $0 == "=" }.reversed()
        guard !plain.isEmpty else { return text.isEmpty ? [] : nil }
        guard !plain.contains("-"), !plain.contains("_") else { return nil }
        return Base64URL.octets(of: String(plain.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }))
    }
}
