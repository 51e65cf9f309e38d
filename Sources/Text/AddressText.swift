/// An IP address as text, in memory of its own size: nothing is allocated to read or to write one.
package struct AddressText: BitwiseCopyable {
    @usableFromInline var octets = InlineArray<40, UInt8>(repeating: 0)
    package private(set) var count = 0

    @inlinable package subscript(index: Int) -> UInt8 { octets[index] }

    package var array: [UInt8] { (0..<count).map { octets[$0] } }

    // MARK: Writing

    /// Four decimal numbers.
    package init(v4: UInt32, separator: UInt8 = UInt8(ascii: ".")) {
        for shift in stride(from: 24, through: 0, by: -8) {
            let octet = UInt8(truncatingIfNeeded: v4 >> shift)
            if octet >= 100 { append(UInt8(ascii: "0") + octet / 100) }
            if octet >= 10 { append(UInt8(ascii: "0") + octet / 10 % 10) }
            append(UInt8(ascii: "0") + octet % 10)
            if shift > 0 { append(separator) }
        }
    }

    /// RFC 5952's form: the longest run of zeros, the first of equals, is two separators.
    package init(v6: (high: UInt64, low: UInt64), separator: UInt8 = UInt8(ascii: ":")) {
        func group(_ index: Int) -> UInt16 {
            UInt16(truncatingIfNeeded: (index < 4 ? v6.high : v6.low) >> (48 - 16 * (index & 3)))
        }
        var gap = 0..<0
        var index = 0
        while index < 8 {
            let start = index
            while index < 8, group(index) == 0 { index += 1 }
            if index - start > max(1, gap.count) { gap = start..<index }
            index += 1
        }
        index = 0
        while index < 8 {
            if !gap.isEmpty, index == gap.lowerBound {
                if index == 0 { append(separator) }
                append(separator)
                index = gap.upperBound
                continue
            }
            append(hexadecimal: group(index))
            index += 1
            if index < 8 { append(separator) }
        }
    }

    package mutating func append(_ octet: UInt8) {
        guard count < 40 else { return }
        octets[count] = octet
        count += 1
    }

    private mutating func append(hexadecimal value: UInt16) {
        var shift = 12
        while shift > 0, value >> shift == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 0xF)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            shift -= 4
        }
    }

    // MARK: Reading

    /// Four decimal numbers, as one number whose most significant octet comes first.
    ///
    /// - Parameter zeros: whether numbers may have leading zeros, which some read as octal.
    package static func v4(
        _ text: Span<UInt8>, zeros: Bool = true, separator: UInt8 = UInt8(ascii: ".")
    ) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in text.indices {
            let character = text[index]
            if character == separator {
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

    /// RFC 4291 §2.2: eight groups, one run of zeros as two separators, the last two groups possibly as IPv4.
    package static func v6(
        _ text: Span<UInt8>, zeros: Bool = true, separator: UInt8 = UInt8(ascii: ":")
    ) -> (high: UInt64, low: UInt64)? {
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var count = 0
        // The group before which the missing zeros stand.
        var gap: Int?
        var index = 0
        if text.count > 0, text[0] == separator {
            guard text.count > 1, text[1] == separator else { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            let start = index
            var group: UInt16 = 0
            while index < text.count, let digit = hexValue(text[index]) {
                guard index - start < 4 else { return nil }
                group = group << 4 | UInt16(digit)
                index += 1
            }
            if index < text.count, text[index] == UInt8(ascii: ".") {
                guard count <= 6, let value = v4(text.extracting(start..<text.count), zeros: zeros) else { return nil }
                groups[count] = UInt16(value >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: value)
                count += 2
                break
            }
            guard index > start, count < 8 else { return nil }
            groups[count] = group
            count += 1
            guard index < text.count else { break }
            guard text[index] == separator else { return nil }
            index += 1
            if index < text.count, text[index] == separator {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            } else if index == text.count {
                return nil
            }
        }
        guard gap == nil ? count == 8 : count < 8 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for index in 0..<count {
            let place = index < gap ?? 8 ? index : index + 8 - count
            let group = UInt64(groups[index]) << UInt64(48 - 16 * (place % 4))
            if place < 4 { high |= group } else { low |= group }
        }
        return (high, low)
    }
}

extension AddressText: CustomStringConvertible {
    package var description: String { String(decoding: array, as: UTF8.self) }
}
