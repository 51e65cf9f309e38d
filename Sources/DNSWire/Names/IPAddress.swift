import Text

/// An IPv4 or IPv6 address as its octets, in network order.
///
/// IPv4 addresses occupy the first four octets of `high`; the rest is zero.
package struct IPAddress: Hashable, Sendable, BitwiseCopyable {
    /// Octets 0 to 7, most significant first.
    package let high: UInt64
    /// Octets 8 to 15, most significant first; zero for IPv4.
    package let low: UInt64
    package let isIPv4: Bool

    /// - Parameter v4: four octets as one number, most significant octet first.
    package init(v4: UInt32) {
        high = UInt64(v4) << 32
        low = 0
        isIPv4 = true
    }

    package init(v6High: UInt64, low v6Low: UInt64) {
        high = v6High
        low = v6Low
        isIPv4 = false
    }

    /// 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1 (RFC 4291 §2.5.3).
    package var isLoopback: Bool { isIPv4 ? high >> 56 == 127 : high == 0 && low == 1 }

    /// 4 or 16.
    @inlinable package var octetCount: Int { isIPv4 ? 4 : 16 }

    /// The octet at `index` in network order; zero past the end.
    @inlinable package func octet(_ index: Int) -> UInt8 {
        switch index {
        case 0..<8: UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
        case 8..<16: UInt8(truncatingIfNeeded: low >> UInt64(120 - 8 * index))
        default: 0
        }
    }

    /// The octets in network order, 4 or 16 of them.
    package var octets: [UInt8] { (0..<octetCount).map(octet) }

    /// - Parameter octets: 4 or 16 octets in network order; any other count gives nil.
    package init?(octets: some Collection<UInt8>) {
        switch octets.count {
        case 4:
            self.init(v4: octets.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self.init(
                v6High: octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: octets.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
        default:
            return nil
        }
    }
}

// MARK: - Text

extension IPAddress {
    /// Reads dotted IPv4 or RFC 4291 §2.2 IPv6 text; an IPv4-mapped IPv6 address becomes IPv4.
    ///
    /// Leading zeros in IPv4 octets are accepted as decimal, since old Kubernetes objects may hold them.
    package init?(_ text: some StringProtocol) {
        self.init(text: Array(text.utf8)[...])
    }

    /// - Parameter text: ASCII octets of an address without brackets, port or zone.
    package init?(text: [UInt8]) { self.init(text: text[...]) }

    /// - Parameter text: ASCII octets of an address without brackets, port or zone.
    package init?(text: ArraySlice<UInt8>) {
        if text.contains(UInt8(ascii: ":")) {
            guard let (high, low) = AddressText.v6(text) else { return nil }
            if high == 0, low >> 32 == 0xFFFF {
                self.init(v4: UInt32(truncatingIfNeeded: low))
            } else {
                self.init(v6High: high, low: low)
            }
        } else {
            guard let value = AddressText.v4(text) else { return nil }
            self.init(v4: value)
        }
    }
}

extension IPAddress {
    /// Appends `description` as octets.
    package func append(to text: inout [UInt8]) {
        if isIPv4 {
            AddressText.append(v4: UInt32(truncatingIfNeeded: high >> 32), to: &text)
        } else {
            AddressText.append(v6: (high, low), to: &text)
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952 text for IPv6.
    package var description: String {
        isIPv4 ? AddressText.text(v4: UInt32(truncatingIfNeeded: high >> 32)) : AddressText.text(v6: (high, low))
    }
}
