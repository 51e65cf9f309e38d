/// Octets as text that may stand in a path, without padding (RFC 4648 §5, RFC 8484 §6).
package enum Base64URL {
    /// How many characters `count` octets take.
    package static func length(ofOctets count: Int) -> Int { (count * 4 + 2) / 3 }

    /// Nil when `text` is empty, padded, or holds any other character.
    package static func octets(of text: some StringProtocol) -> [UInt8]? {
        let count = text.utf8.count
        guard count > 0, count % 4 != 1 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(count * 3 / 4)
        var bits: UInt32 = 0
        var held = 0
        for character in text.utf8 {
            guard let value = value(character) else { return nil }
            bits = (bits & 0xFFFF) << 6 | value
            held += 6
            guard held >= 8 else { continue }
            held -= 8
            octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
        }
        return octets
    }

    package static func text(of octets: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(length(ofOctets: octets.count))
        var bits: UInt32 = 0
        var held = 0
        for octet in octets {
            bits = (bits & 0x3F) << 8 | UInt32(octet)
            held += 8
            while held >= 6 {
                held -= 6
                text.append(alphabet[Int(bits >> UInt32(held) & 0x3F)])
            }
        }
        if held > 0 { text.append(alphabet[Int(bits << UInt32(6 - held) & 0x3F)]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func value(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
