import DNSWire

/// A flat open-addressing table of named entries, found by a keyed hash.
///
/// Layout, integers in network order: slot count (4), unused (4); slots of hash (4) and entry's place (4, 0 when free);
/// entries of size (4), key length (1), key, payload.
struct KeyedTable: BitwiseCopyable {
    struct Entry: BitwiseCopyable {
        let key: ByteView
        let payload: ByteView
    }

    /// What one key is to hold from now on; nil for nothing.
    struct Change {
        let key: [UInt8]
        let hash: UInt32
        let payload: [UInt8]?
    }

    let bytes: ByteView

    private var slotCount: Int { Int(bytes.uint32(at: 0)) }

    /// The hash of a key; its first octet is the shard, the rest leads to the slot.
    static func hash(_ key: ByteView, seed: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: key.hash(seed: seed) >> 32)
    }

    static func shard(of hash: UInt32) -> Int { Int(hash >> 24) }

    func find(_ key: ByteView, hash: UInt32) -> ByteView? {
        var search = Search(hash, slots: slotCount)
        while let entry = next(&search) {
            if entry.key.equals(key) { return entry.payload }
        }
        return nil
    }

    /// Where a walk over the entries of one hash has come to.
    struct Search {
        let hash: UInt32
        fileprivate var slot: Int
        fileprivate var left: Int

        fileprivate init(_ hash: UInt32, slots: Int) {
            self.hash = hash
            left = slots
            slot = Self.start(hash, slots: slots)
        }

        // The shard's octet is the same all over the table, so the slot comes from the other 24 bits.
        fileprivate static func start(_ hash: UInt32, slots: Int) -> Int {
            Int(truncatingIfNeeded: (UInt64(hash << 8) &* UInt64(truncatingIfNeeded: slots)) >> 32)
        }
    }

    func search(_ hash: UInt32) -> Search { Search(hash, slots: slotCount) }

    /// The next entry with the hash searched for; different names may share one.
    func next(_ search: inout Search) -> Entry? {
        while search.left > 0 {
            let slot = 8 + 8 * search.slot
            let place = Int(bytes.uint32(at: slot + 4))
            guard place != 0 else { return nil }
            search.left -= 1
            search.slot = search.slot + 1 == slotCount ? 0 : search.slot + 1
            if bytes.uint32(at: slot) == search.hash { return entry(at: place) }
        }
        return nil
    }

    /// Steps through all entries; starts at place 0.
    func next(_ place: inout Int) -> Entry? {
        if place == 0 { place = 8 + 8 * slotCount }
        guard place < bytes.count else { return nil }
        defer { place += Int(bytes.uint32(at: place)) }
        return entry(at: place)
    }

    private func entry(at place: Int) -> Entry {
        let size = Int(bytes.uint32(at: place))
        let keyLength = Int(bytes[place + 4])
        return Entry(
            key: bytes.slice(place + 5, keyLength), payload: bytes.slice(place + 5 + keyLength, size - 5 - keyLength))
    }
}

// MARK: - Building

extension KeyedTable {
    /// A table of this one's entries and the changes applied to them.
    func applying(_ changes: [Change], seed: UInt64) -> Shard {
        let changed = Set(changes.map(\.key))
        var kept: [(place: Int, size: Int)] = []
        var place = 8 + 8 * slotCount
        while place < bytes.count {
            let size = Int(bytes.uint32(at: place))
            if !changed.contains(entry(at: place).key.array) { kept.append((place, size)) }
            place += size
        }
        let added = changes.filter { $0.payload != nil }
        guard kept.count + added.count > 0 else { return .empty }
        // Half of the slots stay free: runs of occupied ones are short then.
        let slots = (kept.count + added.count) * 2 + 1
        let entryOctets =
            kept.reduce(0) { $0 + $1.size } + added.reduce(0) { $0 + 5 + $1.key.count + ($1.payload?.count ?? 0) }
        let block = ByteBlock(capacity: 8 + 8 * slots + entryOctets)
        block.bytes.store(UInt32(slots), at: 0)
        var end = 8 + 8 * slots
        for (place, size) in kept {
            block.bytes.copy(bytes.slice(place, size), to: end)
            Self.occupy(block.bytes, slots, Self.hash(entry(at: place).key, seed: seed), end)
            end += size
        }
        for change in added {
            Self.occupy(block.bytes, slots, change.hash, end)
            end = Self.store(change, at: end, in: block.bytes)
        }
        return Shard(block)
    }

    private static func store(_ change: Change, at place: Int, in output: OutputBytes) -> Int {
        let payload = change.payload ?? []
        output.store(UInt32(5 + change.key.count + payload.count), at: place)
        output.store(UInt8(change.key.count), at: place + 4)
        withBytes(change.key) { output.copy($0, to: place + 5) }
        withBytes(payload) { output.copy($0, to: place + 5 + change.key.count) }
        return place + 5 + change.key.count + payload.count
    }

    private static func occupy(_ output: OutputBytes, _ slots: Int, _ hash: UInt32, _ place: Int) {
        let written = output.view(8 + 8 * slots)
        var slot = Search.start(hash, slots: slots)
        while written.uint32(at: 8 + 8 * slot + 4) != 0 { slot = slot + 1 == slots ? 0 : slot + 1 }
        output.store(hash, at: 8 + 8 * slot)
        output.store(UInt32(truncatingIfNeeded: place), at: 8 + 8 * slot + 4)
    }
}
