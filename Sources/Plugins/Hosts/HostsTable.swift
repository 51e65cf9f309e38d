import DNSWire

/// Reads lines of a hosts file (hosts(5)).
enum HostsText {
    /// The text of a file; octets that are no UTF-8, which comments in older encodings have, as their escapes (RFC 1035 §5.1).
    static func text(of octets: [UInt8]) -> String {
        String(validating: octets, as: UTF8.self)
            ?? octets.reduce(into: "") { text, octet in
                if octet < 0x80 { text.unicodeScalars.append(Unicode.Scalar(octet)) } else { text += "\\\(octet)" }
            }
    }

    /// Every address with each of its names, in file order; what cannot be read is left out.
    static func pairs(in text: String) -> [(IPAddress, Name)] {
        text.split(whereSeparator: \.isNewline).flatMap { line -> [(IPAddress, Name)] in
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, let address = address(first) else { return [] }
            return words.dropFirst().compactMap { word in Name(word).map { (address, $0) } }
        }
    }

    /// An address, the scope of a link-local one left out.
    static func address(_ text: some StringProtocol) -> IPAddress? {
        IPAddress(String(text.prefix { $0 != "%" }))
    }
}

/// Addresses by name and names by address, immutable.
final class HostsTable: Sendable {
    struct Entry: Sendable {
        /// Four octets for each address.
        var v4: [UInt8] = []
        /// Sixteen octets for each address.
        var v6: [UInt8] = []
        /// Wire forms of the names of the address that this reverse name stands for.
        var pointers: [[UInt8]] = []
    }

    private let names: NameIndex
    /// By the name behind the asterisk.
    private let wildcards: NameIndex
    private let entries: [Entry]
    private let wildcardEntries: [Entry]
    /// Names with addresses.
    let count: Int

    /// - Parameters:
    ///   - zones: names outside of these are left out.
    ///   - answersReverse: whether addresses get names.
    init(_ pairs: [(IPAddress, Name)], zones: [Name], answersReverse: Bool) {
        var entries: [Name: Entry] = [:]
        var wildcards: [Name: Entry] = [:]
        for (address, name) in pairs where zones.contains(where: { name.isSubdomain(of: $0) }) {
            if name.wire.starts(with: [1, UInt8(ascii: "*")]) {
                wildcards[name.parent, default: Entry()].add(address)
                continue
            }
            entries[name, default: Entry()].add(address)
            if answersReverse, let reverse = Self.reverseName(address) {
                let known = entries[reverse]?.pointers ?? []
                if !known.contains(name.wire) { entries[reverse, default: Entry()].pointers.append(name.wire) }
            }
        }
        count = entries.values.count { !$0.v4.isEmpty || !$0.v6.isEmpty } + wildcards.count
        names = NameIndex(entries.map(\.key))
        self.entries = entries.map(\.value)
        self.wildcards = NameIndex(wildcards.map(\.key))
        wildcardEntries = wildcards.map(\.value)
    }

    /// - Parameter name: folded wire form.
    func find(_ name: ByteView) -> Entry? {
        if let position = names.find(name) { return entries[position] }
        // A wildcard stands for exactly one label, as in CoreDNS.
        guard !wildcardEntries.isEmpty, name.count > 1 else { return nil }
        return wildcards.find(name.suffix(from: Int(name[0]) + 1)).map { wildcardEntries[$0] }
    }

    /// `1.0.0.10.in-addr.arpa` for 10.0.0.1 (RFC 1035 §3.5, RFC 3596 §2.5).
    private static func reverseName(_ address: IPAddress) -> Name? {
        let octets = Array(address.octets.reversed())
        if address.isIPv4 { return Name(labels: octets.map { String($0) } + ["in-addr", "arpa"]) }
        let nibbles = octets.flatMap { [String($0 & 0xF, radix: 16), String($0 >> 4, radix: 16)] }
        return Name(labels: nibbles + ["ip6", "arpa"])
    }
}

extension HostsTable.Entry {
    fileprivate mutating func add(_ address: IPAddress) {
        let octets = address.octets
        let known = address.isIPv4 ? v4 : v6
        let isKnown = stride(from: 0, to: known.count, by: octets.count).contains { start in
            known[start..<(start + octets.count)].elementsEqual(octets)
        }
        guard !isKnown else { return }
        if address.isIPv4 { v4 += octets } else { v6 += octets }
    }
}

/// Finds the position of a name in a list; open addressing with a seed of its own, since clients choose the names.
struct NameIndex: Sendable {
    private let names: [[UInt8]]
    /// Position in `names` plus one; 0 for a free slot.
    private let slots: [Int32]
    private let seed: UInt64

    init(_ list: [Name]) {
        let names = list.map(\.wire)
        let seed = UInt64.random(in: 0 ... .max)
        var size = 8
        while size < names.count * 2 { size *= 2 }
        var slots = [Int32](repeating: 0, count: size)
        for (position, name) in names.enumerated() {
            var slot = Int(truncatingIfNeeded: withBytes(name) { $0.hash(seed: seed) }) & (size - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(position + 1)
        }
        self.names = names
        self.seed = seed
        self.slots = slots
    }

    func find(_ name: ByteView) -> Int? {
        var slot = Int(truncatingIfNeeded: name.hash(seed: seed)) & (slots.count - 1)
        while slots[slot] != 0 {
            let position = Int(slots[slot]) - 1
            if withBytes(names[position], { $0.equals(name) }) { return position }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }
}
