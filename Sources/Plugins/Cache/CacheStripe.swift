import DNSWire

/// One share of the cache: an open-addressing table with linear probing, bounded by entries of each kind and octets.
struct CacheStripe {
    private var slots: [CacheEntry?]
    private var hashes: [UInt64]
    private(set) var counts = [0, 0]
    private(set) var octets = 0
    private let limits: [Int]
    /// The most octets by its settings, and at the moment: less after some had to be given up.
    private let mostOctets: Int
    private(set) var octetLimit: Int
    /// Where the next search for an entry to give up begins.
    private var hand = 0

    private static let smallestTable = 16
    /// How many entries compete for being given up.
    private static let candidates = 8
    /// Octets that are kept however short memory is: all stripes together have 1 MiB of them.
    static let leastOctets = 16 * 1024

    /// - Parameters:
    ///   - limits: the most entries of each kind.
    ///   - octetLimit: the most octets of memory in all.
    init(limits: [Int], octetLimit: Int) {
        slots = Array(repeating: nil, count: Self.smallestTable)
        hashes = Array(repeating: 0, count: Self.smallestTable)
        self.limits = limits
        mostOctets = octetLimit
        self.octetLimit = octetLimit
    }

    var count: Int { counts[0] + counts[1] }

    func find(_ key: ByteView, hash: UInt64) -> CacheEntry? {
        guard let slot = slot(of: key, hash) else { return nil }
        return slots[slot]
    }

    private func slot(of key: ByteView, _ hash: UInt64) -> Int? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while let entry = slots[slot] {
            if hashes[slot] == hash, withBytes(entry.key, { $0.equals(key) }) { return slot }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Gives up what is kept under a key.
    mutating func remove(_ key: ByteView, hash: UInt64) {
        if let slot = slot(of: key, hash) { remove(at: slot) }
    }

    /// Keys of entries that an upstream vouched for.
    var vouchedKeys: [[UInt8]] { slots.compactMap { $0?.epoch == nil ? nil : $0?.key } }

    /// Keeps `entry` in place of one of the same key; gives the kinds of entries given up for it.
    mutating func insert(_ entry: CacheEntry, hash: UInt64) -> [CacheKind] {
        var evicted: [CacheKind] = []
        if let slot = withBytes(entry.key, { self.slot(of: $0, hash) }) { remove(at: slot) }
        let kind = entry.kind.rawValue
        while counts[kind] >= limits[kind], let slot = leastUseful(of: entry.kind, entry.stored) {
            remove(at: slot)
            evicted.append(entry.kind)
        }
        while octets + entry.footprint > octetLimit, let slot = leastUseful(of: nil, entry.stored) {
            if let kind = slots[slot]?.kind { evicted.append(kind) }
            remove(at: slot)
        }
        add(entry, hash)
        return evicted
    }

    private mutating func add(_ entry: CacheEntry, _ hash: UInt64) {
        if (count + 1) * 4 > slots.count * 3 { grow() }
        place(entry, hash)
        counts[entry.kind.rawValue] += 1
        octets += entry.footprint
    }

    private mutating func place(_ entry: CacheEntry, _ hash: UInt64) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != nil { slot = (slot + 1) & mask }
        slots[slot] = entry
        hashes[slot] = hash
    }

    private mutating func grow() {
        let old = zip(slots, hashes)
        slots = Array(repeating: nil, count: slots.count * 2)
        hashes = Array(repeating: 0, count: slots.count)
        for (entry, hash) in old {
            if let entry { place(entry, hash) }
        }
    }

    /// The slot of the least useful entry among a few neighbours; nil when there is none of `kind`.
    private mutating func leastUseful(of kind: CacheKind?, _ now: UInt64) -> Int? {
        var best: (slot: Int, usefulness: (Int, UInt64))?
        var seen = 0
        for _ in 0..<slots.count {
            hand = (hand + 1) & (slots.count - 1)
            guard let entry = slots[hand], kind == nil || entry.kind == kind else { continue }
            let usefulness = entry.usefulness(now: now)
            if best.map({ usefulness < $0.usefulness }) ?? true { best = (hand, usefulness) }
            seen += 1
            if seen == Self.candidates { break }
        }
        return best?.slot
    }

    /// Gives up half of its octets, what is least useful first; keeps no more than the other half from now on.
    ///
    /// - Returns: how many entries went, and all that there were: who releases them need not do so under a lock.
    mutating func giveUpHalf(now: UInt64) -> (count: Int, entries: [CacheEntry?]) {
        octetLimit = min(octetLimit, max(Self.leastOctets, octets / 2))
        guard octets > octetLimit else { return (0, []) }
        let before = (slots: slots, hashes: hashes, count: count)
        let ranked = before.slots.enumerated().compactMap { slot, entry in
            entry.map { (slot: slot, entry: $0, usefulness: $0.usefulness(now: now)) }
        }.sorted { $0.usefulness > $1.usefulness }
        // A table for what stays: the old one may be megabytes.
        slots = Array(repeating: nil, count: Self.smallestTable)
        hashes = Array(repeating: 0, count: Self.smallestTable)
        (counts, octets, hand) = ([0, 0], 0, 0)
        for (slot, entry, _) in ranked {
            guard octets + entry.footprint <= octetLimit else { break }
            add(entry, before.hashes[slot])
        }
        return (before.count - count, before.slots)
    }

    /// Keeps up to a sixteenth more again.
    mutating func mayGrow() { octetLimit = min(mostOctets, octetLimit + octetLimit / 16) }

    /// Empties a slot and moves followers up, so that no search ends before its time.
    private mutating func remove(at start: Int) {
        guard let entry = slots[start] else { return }
        counts[entry.kind.rawValue] -= 1
        octets -= entry.footprint
        let mask = slots.count - 1
        var hole = start
        var slot = (start + 1) & mask
        while slots[slot] != nil {
            let home = Int(truncatingIfNeeded: hashes[slot]) & mask
            // Only entries whose home is not between the hole and themselves may move.
            if (slot - home) & mask >= (slot - hole) & mask {
                slots[hole] = slots[slot]
                hashes[hole] = hashes[slot]
                hole = slot
            }
            slot = (slot + 1) & mask
        }
        slots[hole] = nil
    }
}
