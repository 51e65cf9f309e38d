import DNSWire

/// Stands for an object's namespace and name: a keyed 128-bit hash, so that a million objects hold no text.
struct ObjectID: Hashable {
    private let high: UInt64
    private let low: UInt64

    init(namespace: String, name: String, seed: UInt64) {
        var octets = Array(namespace.utf8)
        octets.append(UInt8(ascii: "/"))
        octets += name.utf8
        (high, low) = withBytes(octets) { ($0.hash(seed: seed), $0.hash(seed: ~seed &* 0x9E37_79B9_7F4A_7C15)) }
    }

    /// - Parameter octets: the 16 that `octets` gave.
    init(_ octets: ByteView) {
        high = UInt64(octets.uint32(at: 0)) << 32 | UInt64(octets.uint32(at: 4))
        low = UInt64(octets.uint32(at: 8)) << 32 | UInt64(octets.uint32(at: 12))
    }

    var octets: [UInt8] {
        var octets: [UInt8] = []
        for half in [high, low] {
            octets.append(UInt32(truncatingIfNeeded: half >> 32))
            octets.append(UInt32(truncatingIfNeeded: half))
        }
        return octets
    }

    init(_ key: ObjectKey, seed: UInt64) { self.init(namespace: key.namespace, name: key.name, seed: seed) }

    /// Of what is imported under that key; no namespace begins so.
    init(importOf key: ObjectKey, seed: UInt64) {
        self.init(namespace: "import/" + key.namespace, name: key.name, seed: seed)
    }
}

/// A service and the slices that belong to it, whichever of them is known.
struct ServiceState {
    /// As in `CompactObject.key`.
    let key: [UInt8]
    let hash: UInt32
    /// As in `CompactObject.encode`; empty while there are only slices.
    var service: [UInt8] = []
    /// As in `ExternalEntry.encode`; empty when it has none.
    var external: [UInt8] = []
    var slices: [ObjectID] = []
    /// The topology zones for which tables have an entry, as labels in wire form.
    var zones: Set<[UInt8]> = []
    var epoch: UInt32 = 0
    /// Its table entry is to be made anew.
    var isTouched = false

    /// A service of all clusters, not of this one.
    var isImport: Bool { withBytes(key) { ServiceLabels(tableKey: $0)?.isImport == true } }
}

/// An endpoint slice as `CompactObject.encode` writes it.
struct SliceState {
    var service: ObjectID
    var octets: [UInt8]
    var epoch: UInt32
}

/// Changes of address tables that wait for the next snapshot, by shard.
struct PendingEntries {
    private struct Lists {
        var removed: [UInt8] = []
        var added: [UInt8] = []
    }

    private let seed: UInt64
    /// By shard; made with the first change.
    private var shards: [Lists] = []

    init(seed: UInt64) { self.seed = seed }

    var isEmpty: Bool { shards.isEmpty }

    private mutating func makeShards() {
        if shards.isEmpty { shards = Array(repeating: Lists(), count: Tables.shardCount) }
    }

    mutating func add(_ address: IPAddress, payload: [UInt8]) {
        makeShards()
        AddressTable.encode(address, payload: payload, into: &shards[shard(of: address)].added)
    }

    mutating func remove(_ address: IPAddress, payload: [UInt8]) {
        var entry: [UInt8] = []
        AddressTable.encode(address, payload: payload, into: &entry)
        makeShards()
        let shard = shard(of: address)
        // An entry that no table holds yet is only taken back.
        if AddressTable.removeEntry(entry, from: &shards[shard].added) { return }
        shards[shard].removed += entry
    }

    private func shard(of address: IPAddress) -> Int {
        AddressTable.shard(of: AddressTable.hash(address, seed: seed))
    }

    /// Rebuilds the tables that differ, each once.
    mutating func apply(to tables: inout [Shard]) {
        for (shard, lists) in shards.enumerated() where !lists.removed.isEmpty || !lists.added.isEmpty {
            let table = AddressTable(bytes: tables[shard].view)
            tables[shard] = table.applying(removed: lists.removed, added: lists.added, seed: seed)
        }
        shards = []
    }
}
