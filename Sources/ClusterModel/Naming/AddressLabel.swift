package import DNSWire
import Text

/// An address written as one label: dots and colons become dashes.
package struct AddressLabel: BitwiseCopyable {
    private static let dash = UInt8(ascii: "-")
    private var text: AddressText

    /// Canonical text (RFC 5952), so that equal addresses have equal labels.
    package init(_ address: IPAddress) {
        text = address.text(separator: Self.dash)
        // A label must not end in a dash (RFC 952), and "::0" is the same address as "::".
        if text[text.count - 1] == Self.dash { text.append(UInt8(ascii: "0")) }
    }

    package var count: Int { text.count }

    package subscript(index: Int) -> UInt8 { text[index] }

    package var array: [UInt8] { text.array }

    func equals(_ label: ByteView) -> Bool {
        guard label.count == count else { return false }
        for index in 0..<count where label[index] != text[index] { return false }
        return true
    }
}

extension IPAddress {
    /// Reads a dashed label: three single dashes stand for dots, all others for colons.
    ///
    /// Not only canonical spellings are read; compare with `AddressLabel` where that matters.
    package init?(dashed label: ByteView) {
        // Longer text is no address, and everything else in this label is refused before it is read.
        guard (2...40).contains(label.count) else { return nil }
        let dash = UInt8(ascii: "-")
        var text = InlineArray<40, UInt8>(repeating: 0)
        var dashes = 0
        var hasPair = false
        for index in 0..<label.count {
            text[index] = label[index]
            if label[index] == dash {
                dashes += 1
                hasPair = hasPair || label.at(index + 1) == dash
            } else if hexValue(label[index]) == nil {
                return nil
            }
        }
        guard dashes >= 2 else { return nil }
        let octets = text.span.extracting(0..<label.count)
        if dashes == 3, !hasPair {
            self.init(v4: octets, zeros: false, separator: dash)
        } else {
            self.init(v6: octets, separator: dash)
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
