/// Reads the text of a zone: a domain name, or a network that stands for its reverse zones.
enum ZoneText {
    /// What the text should have been.
    struct Fault: Error {
        let expected: String
    }

    static func zones(_ text: String) throws(Fault) -> [String] {
        guard text.utf8.count <= Limits.zoneCharacters else {
            throw Fault(expected: "a zone of at most \(Limits.zoneCharacters) characters")
        }
        if let prefix = try AddressPrefix(text) { return prefix.reverseZones }
        guard let zone = normalised(text) else {
            throw Fault(expected: "a domain name or a network like 10.0.0.0/24")
        }
        return [zone]
    }

    /// Lower case with the final dot, or nothing when no DNS message can hold the name (RFC 1035 §2.3.4).
    static func normalised(_ text: String) -> String? {
        guard !text.isEmpty, text != "." else { return "." }
        let bytes = Array(text.utf8)
        var position = 0
        var label = 0
        var wire = 1
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: ".") {
                guard label > 0 else { return nil }
                wire += label + 1
                label = 0
                position += 1
                continue
            }
            guard let length = characterLength(bytes, at: position), label < 63 else { return nil }
            position += length
            label += 1
        }
        if label > 0 { wire += label + 1 }
        guard wire <= 255 else { return nil }
        let lowered = bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        return String(decoding: lowered, as: UTF8.self) + (label > 0 ? "." : "")
    }

    /// How many bytes of text write one byte of the name: `a`, `\.` or `\032` (RFC 1035 §5.1).
    private static func characterLength(_ bytes: [UInt8], at position: Int) -> Int? {
        guard bytes[position] == UInt8(ascii: "\\") else { return 1 }
        guard position + 1 < bytes.count else { return nil }
        let digits = bytes[(position + 1)...].prefix(3).prefix { (0x30...0x39).contains($0) }
        guard digits.count == 3 else { return digits.isEmpty ? 2 : nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 255 ? 4 : nil
    }
}
