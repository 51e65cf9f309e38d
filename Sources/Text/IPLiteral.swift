/// An IP address as text writes it: four or sixteen bytes, and the scope of a link-local one.
package struct IPLiteral: Hashable, Sendable {
    package let bytes: [UInt8]
    package let scope: String?

    package var isV6: Bool { bytes.count == 16 }

    package init?(_ text: String) {
        let octets = Array(text.utf8)
        if let v4 = AddressText.v4(octets.span, zeros: false) {
            bytes = Self.octets(v4)
            scope = nil
            return
        }
        let address = octets.prefix { $0 != UInt8(ascii: "%") }
        guard let v6 = AddressText.v6(address.span, zeros: false) else { return nil }
        bytes = Self.octets(v6.high) + Self.octets(v6.low)
        guard address.count < octets.count else {
            scope = nil
            return
        }
        scope = String(decoding: octets[(address.count + 1)...], as: UTF8.self)
        if scope == "" { return nil }
    }

    private static func octets(_ number: some FixedWidthInteger) -> [UInt8] {
        stride(from: number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
