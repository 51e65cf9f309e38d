import DNSWire

/// A flat open-addressing table from addresses to small payloads; one address may have several entries.
///
/// Layout, integers in network order: slot count (4), unused (4); slots with the entry's place (4, 0 when free);
/// entries as `encode` writes them.
struct AddressTable: BitwiseCopyable {
    let bytes: ByteView

    private var slotCount: Int { Int(bytes.uint32(at: 0)) }

    /// One entry: family and payload length in one octet, the address, the payload.
    ///
    /// - Parameter payload: at most 127 octets.
    static func encode(_ address: IPAddress, payload: [UInt8], into entries: inout [UInt8]) {
        let end = 1 + address.octetCount
        entries.append(end + payload.count) { room in
            room.store((address.isIPv4 ? 0 : 0x80) | UInt8(payload.count & 0x7F), at: 0)
            room.store(UInt32(truncatingIfNeeded: address.high >> 32), at: 1)
            if !address.isIPv4 {
                room.store(UInt32(truncatingIfNeeded: address.high), at: 5)
                room.store(UInt32(truncatingIfNeeded: address.low >> 32), at: 9)
                room.store(UInt32(truncatingIfNeeded: address.low), at: 13)
            }
            withBytes(payload) { room.copy($0, to: end) }
        }
    }

    static func hash(_ address: IPAddress, seed: UInt64) -> UInt32 {
        let first = fold(address.high ^ seed)
        return UInt32(truncatingIfNeeded: fold(first ^ address.low ^ (address.isIPv4 ? 4 : 6)) >> 32)
    }

    private static func fold(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low ^ value
    }

    static func shard(of hash: UInt32) -> Int { Int(hash >> 24) }

    private static func start(_ hash: UInt32, slots: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(hash << 8) &* UInt64(truncatingIfNeeded: slots)) >> 32)
    }

    struct Search {
        let address: IPAddress
        fileprivate var slot: Int
        fileprivate var left: Int
    }

    func search(_ address: IPAddress, hash: UInt32) -> Search {
        Search(address: address, slot: Self.start(hash, slots: slotCount), left: slotCount)
    }

    /// The payload of the next entry of the address searched for.
    func next(_ search: inout Search) -> ByteView? {
        guard let place = nextPlace(&search) else { return nil }
        let entry = entry(at: place)
        return entry.suffix(from: 1 + search.address.octetCount)
    }

    private func nextPlace(_ search: inout Search) -> Int? {
        while search.left > 0 {
            let place = Int(bytes.uint32(at: 8 + 4 * search.slot))
            guard place != 0 else { return nil }
            search.left -= 1
            search.slot = search.slot + 1 == slotCount ? 0 : search.slot + 1
            if address(at: place) == search.address { return place }
        }
        return nil
    }

    private func address(at place: Int) -> IPAddress {
        bytes.address(at: place + 1, isIPv4: bytes[place] & 0x80 == 0)
    }

    private func entry(at place: Int) -> ByteView {
        bytes.slice(place, Self.entrySize(bytes[place]))
    }

    private static func entrySize(_ head: UInt8) -> Int { 1 + (head & 0x80 == 0 ? 4 : 16) + Int(head & 0x7F) }
}

// MARK: - Walking

extension AddressTable {
    struct Entry: BitwiseCopyable {
        let place: Int
        let address: IPAddress
        let payload: ByteView
    }

    /// Steps through all entries; starts at place 0.
    func next(_ place: inout Int) -> Entry? {
        if place == 0 { place = 8 + 4 * slotCount }
        guard place < bytes.count else { return nil }
        defer { place += Self.entrySize(bytes[place]) }
        return entry(from: place)
    }

    /// The next entry of the address searched for.
    func nextEntry(_ search: inout Search) -> Entry? { nextPlace(&search).map(entry(from:)) }

    private func entry(from place: Int) -> Entry {
        let address = address(at: place)
        return Entry(
            place: place, address: address, payload: entry(at: place).suffix(from: 1 + address.octetCount))
    }
}

// MARK: - Building

extension AddressTable {
    /// A table of this one's entries without `removed`, each entry taken out once, and with `added`.
    func applying(removed: [UInt8], added: [UInt8], seed: UInt64) -> Shard {
        let dropped = withBytes(removed) { places(of: $0, seed: seed) }
        var kept: [ByteView] = []
        var octets = 0
        var place = 8 + 4 * slotCount
        while place < bytes.count {
            let entry = entry(at: place)
            if !dropped.contains(place) {
                kept.append(entry)
                octets += entry.count
            }
            place += entry.count
        }
        return withBytes(added) { added in
            Self.forEachEntry(of: added) { entry in
                kept.append(entry)
                octets += entry.count
            }
            return Self.build(kept, octets: octets, seed: seed)
        }
    }

    private static func build(_ entries: [ByteView], octets: Int, seed: UInt64) -> Shard {
        guard !entries.isEmpty else { return .empty }
        // Half of the slots stay free: runs of occupied ones are short then.
        let slots = entries.count * 2 + 1
        let block = ByteBlock(capacity: 8 + 4 * slots + octets)
        let output = block.bytes
        output.store(UInt32(slots), at: 0)
        let table = AddressTable(bytes: block.view)
        var end = 8 + 4 * slots
        for entry in entries {
            output.copy(entry, to: end)
            var slot = start(hash(table.address(at: end), seed: seed), slots: slots)
            while table.bytes.uint32(at: 8 + 4 * slot) != 0 { slot = slot + 1 == slots ? 0 : slot + 1 }
            output.store(UInt32(truncatingIfNeeded: end), at: 8 + 4 * slot)
            end += entry.count
        }
        return Shard(block)
    }

    /// Where the given entries stand in this table.
    private func places(of entries: ByteView, seed: UInt64) -> Set<Int> {
        var found: Set<Int> = []
        Self.forEachEntry(of: entries) { entry in
            let address = entry.address(at: 1, isIPv4: entry[0] & 0x80 == 0)
            var search = search(address, hash: Self.hash(address, seed: seed))
            while let place = nextPlace(&search) {
                if !found.contains(place), self.entry(at: place).equals(entry) {
                    found.insert(place)
                    break
                }
            }
        }
        return found
    }

    private static func forEachEntry(of entries: ByteView, _ body: (ByteView) -> Void) {
        var place = 0
        while place < entries.count {
            let size = entrySize(entries[place])
            body(entries.slice(place, size))
            place += size
        }
    }

    /// Tells every entry's address and payload.
    static func forEach(in entries: [UInt8], _ body: (IPAddress, [UInt8]) -> Void) {
        withBytes(entries) { view in
            forEachEntry(of: view) { entry in
                let address = entry.address(at: 1, isIPv4: entry[0] & 0x80 == 0)
                body(address, entry.suffix(from: 1 + address.octetCount).array)
            }
        }
    }

    /// Takes one entry out of a list of entries; false when it is not there.
    static func removeEntry(_ entry: [UInt8], from entries: inout [UInt8]) -> Bool {
        var place = 0
        while place < entries.count {
            let end = place + entrySize(entries[place])
            if entries[place..<end].elementsEqual(entry) {
                entries.removeSubrange(place..<end)
                return true
            }
            place = end
        }
        return false
    }
}
