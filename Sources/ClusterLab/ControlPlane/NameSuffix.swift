/// The random-looking ends of generated names, from Kubernetes' alphabet without vowels; equal input, equal name.
enum NameSuffix {
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")

    static func of(_ text: String, length: Int) -> String {
        var hash = hash(text)
        var suffix = ""
        for _ in 0..<length {
            suffix.append(alphabet[Int(hash % UInt64(alphabet.count))])
            hash = hash / UInt64(alphabet.count) ^ (hash << 40)
        }
        return suffix
    }

    /// FNV-1a.
    static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash ^ hash >> 29
    }
}
