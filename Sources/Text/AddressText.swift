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
        var text: [UInt8] = []
        append(v4: v4, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// RFC 5952.
    package static func text(v6: (high: UInt64, low: UInt64)) -> String {
        var text: [UInt8] = []
        append(v6: v6, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends dotted decimal.
    package static func append(v4: UInt32, to text: inout [UInt8]) {
        for shift in stride(from: 24, through: 0, by: -8) {
            text.append(decimal: UInt64(v4 >> shift & 0xFF))
            if shift > 0 { text.append(UInt8(ascii: ".")) }
        }
    }

    /// Appends RFC 5952's form: the longest run of zeros, the first of equals, is `::`.
    package static func append(v6: (high: UInt64, low: UInt64), to text: inout [UInt8]) {
        func group(_ index: Int) -> UInt16 {
            UInt16(truncatingIfNeeded: (index < 4 ? v6.high : v6.low) >> (48 - 16 * (index & 3)))
        }
        var gap = 0..<0
        var index = 0
        while index < 8 {
            let start = index
            while index < 8, group(index) == 0 { index += 1 }
            if index - start > Swift.max(1, gap.count) { gap = start..<index }
            index += 1
        }
        index = 0
        while index < 8 {
            if !gap.isEmpty, index == gap.lowerBound {
                text.append(text: "::")
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound || gap.isEmpty { text.append(UInt8(ascii: ":")) }
            text.append(hexadecimal: group(index))
            index += 1
        }
    }
}
