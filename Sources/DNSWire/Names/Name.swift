import Text

/// A domain name in wire form, letters A to Z folded to lower case (RFC 1035 §3.1, RFC 4343).
///
/// For configuration and tables; names of messages stay views of the message.
package struct Name: Hashable, Sendable {
    /// Length octets and labels, ending in the root's zero; at most 255 octets.
    package let wire: [UInt8]

    package static let root = Name(validated: [0])

    private init(validated wire: [UInt8]) { self.wire = wire }

    /// Reads presentation format with `\.` and `\DDD` escapes (RFC 1035 §5.1); a missing final dot is added.
    ///
    /// Nil for an empty or over-long label, a name over 255 octets, or a broken escape.
    package init?(_ text: some StringProtocol) {
        guard let wire = Self.encode(text, folding: true) else { return nil }
        self.init(validated: wire)
    }

    /// - Parameter labels: text of labels without dots' meaning, leftmost first, each 1 to 63 octets.
    package init?(labels: [String], under suffix: Name = .root) {
        var wire: [UInt8] = []
        for label in labels {
            guard (1...63).contains(label.utf8.count) else { return nil }
            wire.append(UInt8(label.utf8.count))
            wire += label.utf8.map(folded)
        }
        wire += suffix.wire
        guard wire.count <= 255 else { return nil }
        self.init(validated: wire)
    }

    /// - Parameter view: a whole uncompressed name whose form was already checked.
    package init(_ view: ByteView) { self.init(validated: view.array.map(folded)) }

    package func isSubdomain(of other: Name) -> Bool {
        var start = 0
        while wire.count - start >= other.wire.count {
            if wire.count - start == other.wire.count { return wire[start...].elementsEqual(other.wire) }
            start += Int(wire[start]) + 1
        }
        return false
    }

    /// The name without its leftmost label; the root stays the root.
    package var parent: Name {
        wire.count > 1 ? Name(validated: Array(wire[(Int(wire[0]) + 1)...])) : self
    }

    /// True for `in-addr.arpa`, `ip6.arpa` and all below.
    package var isReverse: Bool {
        isSubdomain(of: Self.reverseIPv4) || isSubdomain(of: Self.reverseIPv6)
    }

    private static let reverseIPv4 = Name(labels: ["in-addr", "arpa"]) ?? .root
    private static let reverseIPv6 = Name(labels: ["ip6", "arpa"]) ?? .root
}

extension Name: CustomStringConvertible {
    /// Presentation format with a final dot.
    package var description: String { withBytes(wire) { $0.nameText } }
}

extension Name {
    /// Wire form of presentation format, letter case kept; nil as for `init`.
    package static func wireKeepingCase(_ text: some StringProtocol) -> [UInt8]? { encode(text, folding: false) }

    private static func encode(_ text: some StringProtocol, folding: Bool) -> [UInt8]? {
        if text == "." { return [0] }
        var wire: [UInt8] = [0]
        var lengthAt = 0
        var octets = Array(text.utf8)[...]
        func close() -> Bool {
            let length = wire.count - lengthAt - 1
            guard (1...63).contains(length) else { return false }
            wire[lengthAt] = UInt8(length)
            lengthAt = wire.count
            wire.append(0)
            return wire.count <= 255
        }
        while let octet = octets.popFirst() {
            switch octet {
            case UInt8(ascii: "."):
                guard close() else { return nil }
            case UInt8(ascii: "\\"):
                guard let value = unescape(&octets) else { return nil }
                wire.append(folding ? folded(value) : value)
            default:
                wire.append(folding ? folded(octet) : octet)
            }
            guard wire.count <= 320 else { return nil }
        }
        if wire.count - lengthAt > 1 {
            guard close() else { return nil }
        }
        return wire.count > 1 ? wire : nil
    }

    private static func unescape(_ octets: inout ArraySlice<UInt8>) -> UInt8? {
        guard let first = octets.popFirst() else { return nil }
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return first }
        guard let second = octets.popFirst(), let third = octets.popFirst() else { return nil }
        var value = 0
        for digit in [first, second, third] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return UInt8(exactly: value)
    }
}

/// A to Z as a to z, every other octet unchanged (RFC 4343 §3).
@inlinable package func folded(_ octet: UInt8) -> UInt8 {
    octet &- 0x41 < 26 ? octet | 0x20 : octet
}

extension ByteView {
    /// Presentation text of an uncompressed name, special octets escaped, with a final dot.
    package var nameText: String {
        var text: [UInt8] = []
        appendNameText(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends `nameText` as octets: printable ASCII, whatever the name holds.
    package func appendNameText(to text: inout [UInt8]) {
        var index = 0
        while index < count, self[index] != 0 {
            let end = min(index + Int(self[index]) + 1, count)
            for position in (index + 1)..<max(end, index + 1) { Self.append(self[position], to: &text) }
            text.append(UInt8(ascii: "."))
            index = end
        }
        if index == 0 { text.append(UInt8(ascii: ".")) }
    }

    private static func append(_ octet: UInt8, to text: inout [UInt8]) {
        switch octet {
        case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "@"), UInt8(ascii: "$"):
            text.append(UInt8(ascii: "\\"))
            text.append(octet)
        case 0x21...0x7E:
            text.append(octet)
        default:
            text.append(UInt8(ascii: "\\"))
            text.append(decimal: UInt64(octet), digits: 3)
        }
    }

    /// True when this name is `zone` or below it; both folded.
    @inlinable package func isSubdomain(of zone: ByteView) -> Bool {
        guard hasSuffix(zone) else { return false }
        // Equal octets are a zone only from the start of a label on.
        let start = count - zone.count
        var index = 0
        while index < start { index += Int(self[index]) + 1 }
        return index == start
    }

    /// True when both names have the same labels, letter case aside.
    @inlinable package func equalsName(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where folded(self[index]) != folded(other[index]) { return false }
        return true
    }
}
