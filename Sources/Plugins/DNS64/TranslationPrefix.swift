import DNSWire

/// An IPv6 prefix in which every IPv4 address has its place (RFC 6052 §2.2).
struct TranslationPrefix: Sendable, Equatable {
    /// 64:ff9b::/96 (RFC 6052 §2.1).
    static let wellKnown = TranslationPrefix(address: IPAddress(v6High: 0x0064_FF9B_0000_0000, low: 0), octets: 12)

    private let address: IPAddress
    private let octets: Int

    private init(address: IPAddress, octets: Int) {
        self.address = address
        self.octets = octets
    }

    /// - Returns: nil unless the text is an IPv6 network of 32 to 96 bits, a multiple of eight, whose ninth octet is 0.
    init?(_ text: String) {
        guard let network = Network(text), !network.address.isIPv4, text.contains("/"),
            (32...96).contains(network.prefixLength), network.prefixLength % 8 == 0, network.address.octet(8) == 0
        else { return nil }
        self.init(address: network.address, octets: network.prefixLength / 8)
    }

    /// The IPv6 address that stands for `v4`; its ninth octet is always zero.
    func embed(_ v4: UInt32) -> IPAddress {
        var (high, low) = (address.high, address.low)
        var place = octets
        for shift in [24, 16, 8, 0] as [UInt32] {
            if place == 8 { place += 1 }
            let octet = UInt64(v4 >> shift & 0xFF)
            if place < 8 { high |= octet << UInt64(56 - 8 * place) } else { low |= octet << UInt64(120 - 8 * place) }
            place += 1
        }
        return IPAddress(v6High: high, low: low)
    }
}
