/// A range of addresses with a common prefix (RFC 4632 §3.1, RFC 4291 §2.3).
package struct Network: Hashable, Sendable, BitwiseCopyable {
    /// The range's first address.
    package let address: IPAddress
    /// Bits that all addresses share, 0 to 32 or 128.
    package let prefixLength: Int

    /// - Returns: nil when the length is none of the address' family.
    package init?(_ address: IPAddress, prefixLength: Int) {
        guard prefixLength >= 0, prefixLength <= address.octetCount * 8 else { return nil }
        let (high, low) = Self.mask(prefixLength)
        self.address =
            address.isIPv4
            ? IPAddress(v4: UInt32(truncatingIfNeeded: (address.high & high) >> 32))
            : IPAddress(v6High: address.high & high, low: address.low & low)
        self.prefixLength = prefixLength
    }

    /// Reads CIDR notation, or one address alone.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        guard parts.count == 2 else {
            self.init(address, prefixLength: address.octetCount * 8)
            return
        }
        guard parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let length = Int(parts[1]) else { return nil }
        // An IPv4-mapped range counts its prefix from the start of the IPv6 address.
        self.init(address, prefixLength: address.isIPv4 && first.contains(":") ? length - 96 : length)
    }

    package func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv4 == address.isIPv4 else { return false }
        let (high, low) = Self.mask(prefixLength)
        return other.high & high == address.high && other.low & low == address.low
    }

    private static func mask(_ length: Int) -> (UInt64, UInt64) {
        (length >= 64 ? .max : ~(.max >> UInt64(length)), length <= 64 ? 0 : ~(.max >> UInt64(length - 64)))
    }
}

extension Network: CustomStringConvertible {
    package var description: String { "\(address)/\(prefixLength)" }
}
