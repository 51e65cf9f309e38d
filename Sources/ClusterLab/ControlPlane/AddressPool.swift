import Text

/// Hands out the addresses of one range, lowest free first, so that runs repeat.
struct AddressPool: Sendable {
    private let network: [UInt8]
    private let size: UInt32
    private let first: UInt32
    private var used: Set<UInt32> = []
    private var next: UInt32

    /// A pool of `size` addresses from `network`; unrequested ones start at the offset `first`.
    init(network: [UInt8], size: UInt32, first: UInt32) {
        self.network = network
        self.size = size
        self.first = first
        next = first
    }

    /// 10.96.0.0/16; the first 256 are left to requested addresses, as the API server prefers.
    static let services4 = AddressPool(network: [10, 96, 0, 0], size: 1 << 16, first: 256)
    /// fd00:96::/112
    static let services6 = AddressPool(network: IPText.bytes("fd00:96::") ?? [], size: 1 << 16, first: 256)
    /// 10.244.0.0/16, of which generated clusters larger than that use the neighbours up to 10.247.
    static let pods4 = AddressPool(network: [10, 244, 0, 0], size: 1 << 18, first: 4)
    static let pods6 = AddressPool(network: IPText.bytes("fd00:10:244::") ?? [], size: 1 << 24, first: 4)
    /// 203.0.113.0/24 (TEST-NET-3)
    static let ingress4 = AddressPool(network: [203, 0, 113, 0], size: 256, first: 1)
    static let ingress6 = AddressPool(network: IPText.bytes("2001:db8:113::") ?? [], size: 1 << 16, first: 1)
    static let nodes4 = AddressPool(network: [172, 18, 0, 0], size: 1 << 16, first: 2)

    mutating func allocate() -> String? {
        guard UInt32(used.count) < size - first else { return nil }
        for _ in first..<size {
            let offset = next
            next = next + 1 < size ? next + 1 : first
            if used.insert(offset).inserted { return text(offset) }
        }
        return nil
    }

    /// Takes a requested address; false when somebody has it. An address outside the range is always free.
    mutating func claim(_ address: String) -> Bool {
        guard let offset = offset(of: address) else { return true }
        return used.insert(offset).inserted
    }

    mutating func release(_ address: String) {
        if let offset = offset(of: address) { used.remove(offset) }
    }

    func contains(_ address: String) -> Bool { offset(of: address) != nil }

    func text(_ offset: UInt32) -> String {
        var bytes = network
        var rest = offset
        for position in bytes.indices.reversed() {
            let sum = UInt32(bytes[position]) + (rest & 0xFF)
            bytes[position] = UInt8(truncatingIfNeeded: sum)
            rest = rest >> 8
            if rest == 0 { break }
        }
        return IPText.text(bytes)
    }

    private func offset(of address: String) -> UInt32? {
        guard let bytes = IPText.bytes(address), bytes.count == network.count else { return nil }
        var offset: UInt64 = 0
        for (byte, base) in zip(bytes, network) {
            guard byte >= base else { return nil }
            offset = offset << 8 | UInt64(byte - base)
            guard offset < UInt64(size) else { return nil }
        }
        return UInt32(offset)
    }
}

/// IP addresses between text and bytes.
package enum IPText {
    package static func bytes(_ text: String) -> [UInt8]? {
        IPLiteral(text).flatMap { $0.scope == nil ? $0.bytes : nil }
    }

    /// The canonical text: dotted, or RFC 5952.
    static func text(_ bytes: [UInt8]) -> String {
        func number(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        return bytes.count == 4
            ? AddressText(v4: UInt32(truncatingIfNeeded: number(bytes))).description
            : AddressText(v6: (number(bytes.prefix(8)), number(bytes.dropFirst(8)))).description
    }

    /// "IPv4" or "IPv6", nil when the text is no address.
    package static func family(_ text: String) -> String? {
        bytes(text).map { $0.count == 4 ? "IPv4" : "IPv6" }
    }
}
