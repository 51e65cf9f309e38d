package import DNSWire
import Text

/// An address written as one label: dots and colons become dashes.
package struct AddressLabel: BitwiseCopyable {
    private var octets = InlineArray<40, UInt8>(repeating: 0)
    package private(set) var count = 0

    /// Canonical text (RFC 5952), so that equal addresses have equal labels.
    package init(_ address: IPAddress) {
        if address.isIPv4 {
            for index in 0..<4 {
                if index > 0 { append(UInt8(ascii: "-")) }
                appendDecimal(address.octet(index))
            }
        } else {
            appendGroups(address)
            // A label must not end in a dash (RFC 952), and "::0" is the same address as "::".
            if octets[count - 1] == UInt8(ascii: "-") { append(UInt8(ascii: "0")) }
        }
    }

    package subscript(index: Int) -> UInt8 { octets[index] }

    package var array: [UInt8] { (0..<count).map { octets[$0] } }

    func equals(_ label: ByteView) -> Bool {
        guard label.count == count else { return false }
        for index in 0..<count where label[index] != octets[index] { return false }
        return true
    }

    private mutating func append(_ octet: UInt8) {
        guard count < 40 else { return }
        octets[count] = octet
        count += 1
    }

    private mutating func appendDecimal(_ value: UInt8) {
        if value >= 100 { append(UInt8(ascii: "0") + value / 100) }
        if value >= 10 { append(UInt8(ascii: "0") + value / 10 % 10) }
        append(UInt8(ascii: "0") + value % 10)
    }

    private mutating func appendHex(_ value: UInt16) {
        var shift = 12
        while shift > 0, value >> shift == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 0xF)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            shift -= 4
        }
    }

    private mutating func appendGroups(_ address: IPAddress) {
        let gap = Self.longestGap(in: address)
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                if index == 0 { append(UInt8(ascii: "-")) }
                append(UInt8(ascii: "-"))
                index = gap.upperBound
                continue
            }
            appendHex(Self.group(index, of: address))
            index += 1
            if index < 8 { append(UInt8(ascii: "-")) }
        }
    }

    /// The first longest run of two or more zero groups, which the text leaves out.
    private static func longestGap(in address: IPAddress) -> Range<Int> {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, group(end, of: address) == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = end + 1
        }
        return best
    }

    private static func group(_ index: Int, of address: IPAddress) -> UInt16 {
        UInt16(address.octet(2 * index)) << 8 | UInt16(address.octet(2 * index + 1))
    }
}

extension IPAddress {
    /// Reads a dashed label: three single dashes stand for dots, all others for colons.
    ///
    /// Not only canonical spellings are read; compare with `AddressLabel` where that matters.
    package init?(dashed label: ByteView) {
        // Longer text is no address, and everything else in this label is refused before it is copied.
        guard (2...40).contains(label.count) else { return nil }
        var dashes = 0
        var hasPair = false
        for index in 0..<label.count {
            if label[index] == UInt8(ascii: "-") {
                dashes += 1
                hasPair = hasPair || label.at(index + 1) == UInt8(ascii: "-")
            } else if hexValue(label[index]) == nil {
                return nil
            }
        }
        guard dashes >= 2 else { return nil }
        if dashes == 3, !hasPair {
            self.init(dashedIPv4: label)
        } else {
            self.init(dashedIPv6: label)
        }
    }

    private init?(dashedIPv4 label: ByteView) {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        for index in 0...label.count {
            if let character = label.at(index), character != UInt8(ascii: "-") {
                guard character <= UInt8(ascii: "9"), digits == 0 || octet > 0 else { return nil }
                octet = octet * 10 + UInt32(character - UInt8(ascii: "0"))
                digits += 1
                guard octet <= 255 else { return nil }
            } else {
                guard digits > 0 else { return nil }
                value = value << 8 | octet
                octet = 0
                digits = 0
            }
        }
        self.init(v4: value)
    }

    /// Reads RFC 4291 §2.2 text with dashes for colons; like `init(text:)`, but without allocating.
    private init?(dashedIPv6 label: ByteView) {
        let dash = UInt8(ascii: "-")
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var count = 0
        var gap: Int?
        var index = 0
        if label.at(0) == dash {
            guard label.at(1) == dash else { return nil }
            gap = 0
            index = 2
        }
        while index < label.count {
            let start = index
            while let digit = label.at(index).flatMap(hexValue) {
                guard count < 8, index - start < 4 else { return nil }
                groups[count] = groups[count] << 4 | UInt16(digit)
                index += 1
            }
            guard index > start else { return nil }
            count += 1
            guard index < label.count else { break }
            index += 1
            if label.at(index) == dash {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            } else if index == label.count {
                return nil
            }
        }
        guard gap == nil ? count == 8 : count < 8 else { return nil }
        self.init(groups: groups, count: count, gap: gap ?? 8)
    }

    /// - Parameter gap: the index of the group before which the missing zeros stand.
    private init(groups: InlineArray<8, UInt16>, count: Int, gap: Int) {
        var (high, low): (UInt64, UInt64) = (0, 0)
        for index in 0..<count {
            let position = index < gap ? index : index + 8 - count
            let shift = UInt64(48 - 16 * (position % 4))
            if position < 4 { high |= UInt64(groups[index]) << shift } else { low |= UInt64(groups[index]) << shift }
        }
        if high == 0, low >> 32 == 0xFFFF {
            self.init(v4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(v6High: high, low: low)
        }
    }

    /// Reads a whole folded name below `in-addr.arpa` (RFC 1035 §3.5) or `ip6.arpa` (RFC 3596 §2.5).
    package init?(reverse name: ByteView) {
        if name.hasSuffix(.literal("\u{7}in-addr\u{4}arpa\u{0}")), name.count <= 30 {
            self.init(reverseIPv4: name.slice(0, name.count - 14))
        } else if name.hasSuffix(.literal("\u{3}ip6\u{4}arpa\u{0}")), name.count == 64 + 10 {
            self.init(nibbles: name)
        } else {
            return nil
        }
    }

    private init?(reverseIPv4 labels: ByteView) {
        var value: UInt32 = 0
        var place = 0
        for position in 0..<4 {
            guard let length = labels.at(place), (1...3).contains(length), place + Int(length) < labels.count else {
                return nil
            }
            var octet: UInt32 = 0
            for index in (place + 1)...(place + Int(length)) {
                guard labels[index] &- UInt8(ascii: "0") < 10 else { return nil }
                octet = octet * 10 + UInt32(labels[index] - UInt8(ascii: "0"))
            }
            // Only one spelling of each octet is a name.
            guard octet <= 255, length == 1 || octet >= (length == 2 ? 10 : 100) else { return nil }
            value |= octet << UInt32(8 * position)
            place += Int(length) + 1
        }
        guard place == labels.count else { return nil }
        self.init(v4: value)
    }

    private init?(nibbles name: ByteView) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for position in 0..<32 {
            guard name[2 * position] == 1, let nibble = hexValue(name[2 * position + 1]) else { return nil }
            if position < 16 {
                low |= UInt64(nibble) << UInt64(4 * position)
            } else {
                high |= UInt64(nibble) << UInt64(4 * (position - 16))
            }
        }
        self.init(v6High: high, low: low)
    }
}
