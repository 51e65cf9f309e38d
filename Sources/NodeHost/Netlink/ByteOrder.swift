/// Numbers as the octets of messages: netlink's own in the machine's order, those of nf_tables in network order.
enum ByteOrder {
    case machine, network

    func append(_ value: some FixedWidthInteger, to octets: inout [UInt8]) {
        let value = self == .network ? value : value.bigEndian
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            octets.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    func octets(_ value: some FixedWidthInteger) -> [UInt8] {
        var result: [UInt8] = []
        append(value, to: &result)
        return result
    }

    /// The number at the beginning of `octets`; nil where these are too few.
    func number<Number: FixedWidthInteger>(_ octets: ArraySlice<UInt8>) -> Number? {
        let size = Number.bitWidth / 8
        guard octets.count >= size else { return nil }
        let value = octets.prefix(size).reduce(Number(0)) { $0 << 8 | Number(truncatingIfNeeded: $1) }
        return self == .network ? value : value.bigEndian
    }
}
