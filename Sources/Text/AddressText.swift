/// IP addresses as text.
package enum AddressText {
    /// Four decimal numbers, as one number whose most significant octet comes first.
    ///
    /// - Parameter zeros: whether numbers may have leading zeros, which some read as octal.
    package static func v4(_ text: ArraySlice<UInt8>, zeros: Bool = true) -> UInt32? {
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
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character), digits < 3,
                zeros || digits == 0 || octet > 0
            else { return nil }
            octet = octet * 10 + UInt32(character - UInt8(ascii: "0"))
            digits += 1
            guard octet <= 255 else { return nil }
        }
        return dots == 3 && digits > 0 ? value << 8 | octet : nil
    }

    /// RFC 4291 §2.2: eight groups, one run of zeros as `::`, the last two groups possibly as IPv4.
    package static func v6(_ text: ArraySlice<UInt8>, zeros: Bool = true) -> (high: UInt64, low: UInt64)? {
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
                guard rest.isEmpty, let value = v4(part, zeros: zeros) else { return nil }
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
        let groups = head + Array(repeating: 0, count: missing) + tail
        return (
            groups[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) },
            groups[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        )
    }

    // MARK: Writing

    /// Dotted decimal.
    package static func text(v4: UInt32) -> String {
        [24, 16, 8, 0].map { String(v4 >> $0 & 0xFF) }.joined(separator: ".")
    }

    /// RFC 5952.
    package static func text(v6: (high: UInt64, low: UInt64)) -> String {
        let groups = [v6.high, v6.low].flatMap { half in
            [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> $0) }
        }
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
