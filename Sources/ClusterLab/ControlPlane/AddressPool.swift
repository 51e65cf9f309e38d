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
        text.contains(":") ? bytes6(text) : bytes4(text)
    }

    private static func bytes4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard !part.isEmpty, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func bytes6(_ text: String) -> [UInt8]? {
        func groups(_ text: Substring) -> [UInt8]? {
            if text.isEmpty { return [] }
            var bytes: [UInt8] = []
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            for (position, part) in parts.enumerated() {
                if position == parts.count - 1, part.contains(".") {
                    guard let four = bytes4(String(part)) else { return nil }
                    bytes += four
                } else {
                    guard (1...4).contains(part.count), let group = UInt16(part, radix: 16), part.first != "+"
                    else { return nil }
                    bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
                }
            }
            return bytes
        }
        guard let gap = text.firstRange(of: "::") else {
            return groups(text[...]).flatMap { $0.count == 16 ? $0 : nil }
        }
        guard let head = groups(text[..<gap.lowerBound]), let tail = groups(text[gap.upperBound...]),
            head.count + tail.count <= 14
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// The canonical text: dotted, or RFC 5952.
    static func text(_ bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        guard bytes.count == 16 else { return "" }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        var best = 0..<0
        var position = 0
        while position < 8 {
            var end = position
            while end < 8, groups[end] == 0 { end += 1 }
            if end - position > best.count, end - position > 1 { best = position..<end }
            position = max(end, position + 1)
        }
        func hexadecimal(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return hexadecimal(0..<8) }
        return hexadecimal(0..<best.lowerBound) + "::" + hexadecimal(best.upperBound..<8)
    }

    /// "IPv4" or "IPv6", nil when the text is no address.
    package static func family(_ text: String) -> String? {
        bytes(text).map { $0.count == 4 ? "IPv4" : "IPv6" }
    }
}
