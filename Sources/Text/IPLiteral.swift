/// An IP address as text writes it: four or sixteen bytes, and the scope of a link-local one.
package struct IPLiteral: Hashable, Sendable {
    package let bytes: [UInt8]
    package let scope: String?

    package var isV6: Bool { bytes.count == 16 }

    package init?(_ text: String) {
        if let bytes = Self.v4(Substring(text)) {
            self.bytes = bytes
            scope = nil
            return
        }
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first, let bytes = Self.v6(address) else { return nil }
        if parts.count == 2, parts[1].isEmpty { return nil }
        self.bytes = bytes
        scope = parts.count == 2 ? String(parts[1]) : nil
    }

    /// Four numbers without leading zeros, which some read as octal.
    private static func v4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), part == "0" || part.utf8.first != 0x30,
                let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// RFC 4291 §2.2: eight groups, one run of zeros as `::`, the last two groups possibly as IPv4.
    private static func v6(_ text: Substring) -> [UInt8]? {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (3...9).contains(parts.count) else { return nil }
        if parts[0].isEmpty {
            guard parts[1].isEmpty else { return nil }
            parts.removeFirst()
        }
        if parts.count > 1, parts[parts.count - 1].isEmpty {
            guard parts[parts.count - 2].isEmpty else { return nil }
            parts.removeLast()
        }
        var bytes: [UInt8] = []
        var gap: Int?
        for (position, part) in parts.enumerated() {
            if part.isEmpty {
                guard gap == nil else { return nil }
                gap = bytes.count
            } else if position == parts.count - 1, let tail = v4(part) {
                bytes += tail
            } else {
                guard part.utf8.count <= 4, part.utf8.first != UInt8(ascii: "+"), let group = UInt16(part, radix: 16)
                else { return nil }
                bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
            }
        }
        guard let gap else { return bytes.count == 16 ? bytes : nil }
        guard bytes.count <= 14 else { return nil }
        bytes.insert(contentsOf: repeatElement(0, count: 16 - bytes.count), at: gap)
        return bytes
    }
}
