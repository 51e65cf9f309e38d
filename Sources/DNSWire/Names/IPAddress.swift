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
            guard let groups = Self.parseGroups(text) else { return nil }
            let high = groups[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
            let low = groups[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
            if high == 0, low >> 32 == 0xFFFF {
                self.init(v4: UInt32(truncatingIfNeeded: low))
            } else {
                self.init(v6High: high, low: low)
            }
        } else {
            guard let value = Self.parseIPv4(text) else { return nil }
            self.init(v4: value)
        }
    }

    private static func parseIPv4(_ text: ArraySlice<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for character in text {
            if character == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character), digits < 3 else { return nil }
            octet = octet * 10 + UInt32(character - UInt8(ascii: "0"))
            digits += 1
            guard octet <= 255 else { return nil }
        }
        return dots == 3 && digits > 0 ? value << 8 | octet : nil
    }

    private static func parseGroups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        guard text.count <= 45 else { return nil }
        var head: [UInt16] = []
        var tail: [UInt16] = []
        var sawGap = false
        var rest = text
        if rest.starts(with: [UInt8(ascii: ":"), UInt8(ascii: ":")]) {
            sawGap = true
            rest = rest.dropFirst(2)
        } else if rest.first == UInt8(ascii: ":") {
            return nil
        }
        while !rest.isEmpty {
            let part = rest.prefix { $0 != UInt8(ascii: ":") }
            rest = rest.dropFirst(part.count)
            if part.contains(UInt8(ascii: ".")) {
                guard rest.isEmpty, let value = parseIPv4(part) else { return nil }
                let pair = [UInt16(value >> 16), UInt16(truncatingIfNeeded: value)]
                if sawGap { tail += pair } else { head += pair }
                break
            }
            guard (1...4).contains(part.count) else { return nil }
            var group: UInt16 = 0
            for digit in part {
                guard let nibble = hexValue(digit) else { return nil }
                group = group << 4 | UInt16(nibble)
            }
            if sawGap { tail.append(group) } else { head.append(group) }
            guard !rest.isEmpty else { break }
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: ":") {
                guard !sawGap else { return nil }
                sawGap = true
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        let missing = 8 - head.count - tail.count
        guard sawGap ? missing >= 1 : missing == 0 else { return nil }
        return head + Array(repeating: 0, count: missing) + tail
    }

    /// 0 to 15 for an ASCII hexadecimal digit of either case.
    @inlinable package static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952 text for IPv6.
    package var description: String {
        guard !isIPv4 else { return (0..<4).map { String(octet($0)) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(octet(2 * $0)) << 8 | UInt16(octet(2 * $0 + 1)) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = end + 1
        }
        func text(_ range: Range<Int>) -> String { range.map { String(groups[$0], radix: 16) }.joined(separator: ":") }
        guard !best.isEmpty else { return text(0..<8) }
        return text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }
}
