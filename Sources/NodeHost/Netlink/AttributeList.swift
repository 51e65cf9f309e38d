/// Attributes as they were received, in their order.
struct AttributeList {
    private(set) var all: [(kind: UInt16, value: ArraySlice<UInt8>)] = []

    // Two bits of a kind say how the value is to be read.
    private static let kindMask: UInt16 = 0x3FFF

    init(_ octets: ArraySlice<UInt8>) throws(NetlinkFault) {
        var rest = octets
        // The last one's padding may be missing.
        while rest.count >= 4 {
            guard let length: UInt16 = ByteOrder.machine.number(rest),
                let kind: UInt16 = ByteOrder.machine.number(rest.dropFirst(2))
            else { throw .truncated }
            guard length >= 4, Int(length) <= rest.count else { throw .tooDeep }
            all.append((kind & Self.kindMask, rest.prefix(Int(length)).dropFirst(4)))
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
    }

    subscript(_ kind: some AttributeKind) -> ArraySlice<UInt8>? {
        all.first { $0.kind == kind.number }?.value
    }

    /// Nil without the attribute, and when it is too short for the number.
    func number<Number: FixedWidthInteger>(_ kind: some AttributeKind, _ order: ByteOrder) -> Number? {
        self[kind].flatMap { order.number($0) }
    }

    /// Up to the zero that ends it.
    func text(_ kind: some AttributeKind) -> String? {
        self[kind].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// What is nested in an attribute; nothing without it.
    func list(_ kind: some AttributeKind) throws(NetlinkFault) -> AttributeList {
        try AttributeList(self[kind] ?? [])
    }
}
