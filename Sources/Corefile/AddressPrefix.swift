import Text

/// A network in CIDR notation, known by the reverse zones that cover it.
struct AddressPrefix {
    let address: IPLiteral
    let length: Int

    /// Anything but ADDRESS/NUMBER is not a prefix: `0/25.2.0.192.in-addr.arpa` is a name (RFC 2317).
    init?(_ text: String) throws(ZoneText.Fault) {
        guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let digits = text.utf8[text.utf8.index(after: slash)...]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let address = IPLiteral(String(text[..<slash])), address.scope == nil else { return nil }
        let bits = address.bytes.count * 8
        guard let length = Int(Substring(digits)), length <= bits else {
            throw ZoneText.Fault(expected: "a prefix length from 0 to \(bits)")
        }
        // CoreDNS refuses these because it cannot tell them from a port.
        if address.isV6, let first = text.utf8.first, first == UInt8(ascii: ":") || first == UInt8(ascii: "0") {
            throw ZoneText.Fault(expected: "an IPv6 network that starts with neither : nor 0")
        }
        self.address = address
        self.length = length
    }

    /// Zones are cut at octets (IPv4) or nibbles (IPv6), so a prefix in between covers all zones at the next cut.
    var reverseZones: [String] {
        let width = address.isV6 ? 4 : 8
        let digits = address.isV6 ? address.bytes.flatMap { [$0 >> 4, $0 & 0xF] } : address.bytes
        let suffix = address.isV6 ? "ip6.arpa." : "in-addr.arpa."
        let count = (length + width - 1) / width
        guard count > 0, count <= digits.count else { return [suffix] }
        let free = count * width - length
        let parent = digits[..<(count - 1)].reversed().map { String($0, radix: address.isV6 ? 16 : 10) + "." }.joined()
        let first = (Int(digits[count - 1]) >> free) << free
        return (0..<(1 << free)).map { String(first + $0, radix: address.isV6 ? 16 : 10) + "." + parent + suffix }
    }
}
