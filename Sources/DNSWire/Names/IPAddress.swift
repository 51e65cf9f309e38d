package import Text

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

extension IPAddress: Comparable {
    /// IPv4 comes before IPv6.
    @inlinable package static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.isIPv4 == right.isIPv4 ? (left.high, left.low) < (right.high, right.low) : left.isIPv4
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
        if text.contains(UInt8(ascii: ":")) { self.init(v6: text.span) } else { self.init(v4: text.span) }
    }

    /// Four decimal numbers.
    package init?(v4 text: Span<UInt8>, zeros: Bool = true, separator: UInt8 = UInt8(ascii: ".")) {
        guard let value = AddressText.v4(text, zeros: zeros, separator: separator) else { return nil }
        self.init(v4: value)
    }

    /// RFC 4291 §2.2; an IPv4-mapped address becomes IPv4.
    package init?(v6 text: Span<UInt8>, separator: UInt8 = UInt8(ascii: ":")) {
        guard let (high, low) = AddressText.v6(text, separator: separator) else { return nil }
        if high == 0, low >> 32 == 0xFFFF {
            self.init(v4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(v6High: high, low: low)
        }
    }

    /// Dotted decimal, or RFC 5952 text for IPv6.
    ///
    /// - Parameter separator: stands for dots and colons; nil for themselves.
    package func text(separator: UInt8? = nil) -> AddressText {
        isIPv4
            ? AddressText(v4: UInt32(truncatingIfNeeded: high >> 32), separator: separator ?? UInt8(ascii: "."))
            : AddressText(v6: (high, low), separator: separator ?? UInt8(ascii: ":"))
    }

    /// Appends `description` as octets.
    package func append(to octets: inout [UInt8]) {
        let text = text()
        for index in 0..<text.count { octets.append(text[index]) }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952 text for IPv6.
    package var description: String { text().description }
}
