import CNetlink

/// Attributes being written: length, kind and value of each, at multiples of four octets (netlink(7)).
struct AttributeWriter {
    private(set) var octets: [UInt8] = []

    mutating func put(_ kind: some AttributeKind, _ value: [UInt8]) {
        put(number: kind.number, value)
    }

    /// A number as it stands in messages of `order`.
    mutating func put(_ kind: some AttributeKind, _ number: some FixedWidthInteger, _ order: ByteOrder) {
        put(kind, order.octets(number))
    }

    /// Text with the zero that ends it.
    mutating func put(_ kind: some AttributeKind, text: String) { put(kind, Array(text.utf8) + [0]) }

    mutating func nest(_ kind: some AttributeKind, _ write: (inout AttributeWriter) -> Void) {
        var inner = AttributeWriter()
        write(&inner)
        put(number: kind.number | UInt16(NLA_F_NESTED), inner.octets)
    }

    private mutating func put(number: UInt16, _ value: [UInt8]) {
        ByteOrder.machine.append(UInt16(truncatingIfNeeded: 4 + value.count), to: &octets)
        ByteOrder.machine.append(number, to: &octets)
        octets += value
        while octets.count % 4 != 0 { octets.append(0) }
    }
}
