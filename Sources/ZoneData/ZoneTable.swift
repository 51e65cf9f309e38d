package import DNSWire

/// A zone as flat tables of wire records, immutable: what an answer needs is found by a lookup and copied.
package final class ZoneTable: Sendable {
    /// One name of the zone, or one that has names below it only.
    struct Node: Equatable {
        var nameOffset: UInt32
        var nameLength: UInt8
        /// Position of the first of its record sets.
        var firstSet: UInt32 = 0
        var setCount: UInt16 = 0
        /// The topmost name at or above it that is delegated or has DNAME; `none` without one.
        var barrier = none
        /// The name `*` below it.
        var wildcard = none
        /// The last name in canonical order, up to this one, that has NSEC.
        var denier = none
    }

    /// All records of one type at one name, and the signatures over them.
    struct RecordSet: Equatable {
        var type: RecordType
        var count: UInt16 = 0
        var signatureCount: UInt16 = 0
        /// Seconds.
        var ttl: UInt32
        /// Seconds, of the signatures.
        var signatureTTL: UInt32 = 0
        /// Where the data stand, each behind its length; those of the signatures follow.
        var offset: UInt32
    }

    static let none = UInt32.max

    /// Names and data, one behind the other.
    let octets: [UInt8]
    /// In canonical order; those of NSEC3 records stand behind all others, in their own.
    let nodes: [Node]
    /// How many nodes are no owners of NSEC3 records.
    let plainCount: Int
    let sets: [RecordSet]
    /// Position of a node, by the hash of its folded name; `none` for a free slot.
    let slots: [UInt32]
    let seed: UInt64
    let hashing: NameHashing?
    /// Of the SOA.
    package let serial: UInt32
    /// The least of the SOA's TTL and its last field (RFC 2308 §5), in seconds.
    let negativeTTL: UInt32
    package let origin: Name
    package let recordCount: Int
    /// What is odd in the zone and served all the same.
    package let warnings: [String]

    init(
        origin: Name, octets: [UInt8], nodes: [Node], plainCount: Int, sets: [RecordSet], slots: [UInt32], seed: UInt64,
        hashing: NameHashing?, serial: UInt32, negativeTTL: UInt32, recordCount: Int, warnings: [String]
    ) {
        self.origin = origin
        self.octets = octets
        self.nodes = nodes
        self.plainCount = plainCount
        self.sets = sets
        self.slots = slots
        self.seed = seed
        self.hashing = hashing
        self.serial = serial
        self.negativeTTL = negativeTTL
        self.recordCount = recordCount
        self.warnings = warnings
    }

    /// True for the same records, letter for letter.
    package func isSame(as other: ZoneTable) -> Bool {
        octets == other.octets && nodes == other.nodes && plainCount == other.plainCount && sets == other.sets
    }

    /// Octets of memory that the tables take.
    package var footprint: Int {
        octets.count + nodes.count * MemoryLayout<Node>.stride + sets.count * MemoryLayout<RecordSet>.stride
            + slots.count * 4
    }
}

/// A zone while it is looked into: the tables, and a view of their octets.
struct ZoneView {
    let table: ZoneTable
    let octets: ByteView

    func name(_ node: Int) -> ByteView {
        let entry = table.nodes[node]
        return octets.slice(Int(entry.nameOffset), Int(entry.nameLength))
    }

    /// - Parameter name: folded.
    func find(_ name: ByteView) -> Int? {
        let mask = table.slots.count - 1
        var slot = Int(truncatingIfNeeded: name.hash(seed: table.seed)) & mask
        while table.slots[slot] != ZoneTable.none {
            let node = Int(table.slots[slot])
            if self.name(node).equalsName(name) { return node }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The longest name of the zone that is `name` or above it, and how many octets of `name` stand before it.
    ///
    /// - Parameter name: folded, of the zone or below it.
    func closestEncloser(of name: ByteView) -> (node: Int, rest: Int) {
        var rest = 0
        while let length = name.at(rest), length > 0 {
            if let node = find(name.suffix(from: rest)) { return (node, rest) }
            rest += Int(length) + 1
        }
        // The origin is the first name; only that of the root zone is not met above.
        return (0, rest)
    }

    func set(_ type: RecordType, at node: Int) -> Int? {
        let entry = table.nodes[node]
        for position in Int(entry.firstSet)..<(Int(entry.firstSet) + Int(entry.setCount))
        where table.sets[position].type == type {
            return position
        }
        return nil
    }

    func sets(at node: Int) -> Range<Int> {
        let entry = table.nodes[node]
        return Int(entry.firstSet)..<(Int(entry.firstSet) + Int(entry.setCount))
    }

    func barrier(_ node: Int) -> Int? { Self.position(table.nodes[node].barrier) }
    func wildcard(_ node: Int) -> Int? { Self.position(table.nodes[node].wildcard) }

    private static func position(_ value: UInt32) -> Int? { value == ZoneTable.none ? nil : Int(value) }

    /// Data of the first record of a set.
    func firstData(_ set: Int) -> ByteView {
        let offset = Int(table.sets[set].offset)
        return octets.slice(offset + 2, Int(octets.uint16(at: offset)))
    }

    /// The name with NSEC that is `name` or the last before it.
    func denier(of name: ByteView) -> Int? {
        var (low, high) = (0, table.plainCount)
        while low < high {
            let middle = (low + high) / 2
            if CanonicalOrder.compare(self.name(middle), name) <= 0 { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? Self.position(table.nodes[low - 1].denier) : nil
    }

    /// The NSEC3 owner whose hash is `label` or the last before it, in a ring (RFC 5155 §1.3).
    ///
    /// - Parameter label: a label with its length.
    func hashedNode(upTo label: ByteView) -> (node: Int, isMatch: Bool)? {
        let first = table.plainCount
        var (low, high) = (first, table.nodes.count)
        guard low < high else { return nil }
        while low < high {
            let middle = (low + high) / 2
            if order(ofLabelAt: middle, label) <= 0 { low = middle + 1 } else { high = middle }
        }
        let node = low > first ? low - 1 : table.nodes.count - 1
        return (node, order(ofLabelAt: node, label) == 0)
    }

    private func order(ofLabelAt node: Int, _ label: ByteView) -> Int {
        let name = name(node)
        for index in 0..<min(label.count, name.count) {
            let difference = Int(folded(name[index])) - Int(folded(label[index]))
            if difference != 0 { return difference }
        }
        return 0
    }
}
