import DNSWire

/// The types at a name, as NSEC records list them (RFC 4034 §4.1.2).
enum TypeBitmap {
    /// What a name may have: it is denied only what was asked for, so that no answer says more than it must.
    static let anywhere: [UInt16] = [1, 13, 16, 28, 29, 33, 37, 44, 46, 47, 52, 55, 61, 99]
    /// The same of a zone's apex: NS, SOA, MX and DNSKEY, too.
    static let apex: [UInt16] = [1, 2, 6, 13, 15, 16, 28, 29, 33, 37, 44, 46, 47, 48, 52, 55, 61, 99]
    /// Of a delegation: nothing is the parent's there but what says that it is one.
    static let delegation: [UInt16] = [2, 46, 47]

    static func octets(_ types: [UInt16]) -> [UInt8] {
        var octets: [UInt8] = []
        for window in Set(types.map { $0 >> 8 }).sorted() {
            let inside = types.filter { $0 >> 8 == window }.map { Int($0 & 0xFF) }
            var bits = [UInt8](repeating: 0, count: (inside.max() ?? 0) / 8 + 1)
            for type in inside { bits[type / 8] |= 0x80 >> UInt8(type % 8) }
            octets += [UInt8(window), UInt8(bits.count)] + bits
        }
        return octets
    }
}
