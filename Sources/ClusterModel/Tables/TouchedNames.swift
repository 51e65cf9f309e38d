import DNSWire

/// Notes what the next snapshot's names change with, while somebody wants to know.
struct TouchedNames {
    /// False while nobody listens: then nothing is noted.
    var isWanted = false
    private(set) var keys: Set<UInt64> = []
    /// True when a namespace appeared or went, which decides about all that is in it.
    private var isEverything = false
    private let seed: UInt64

    init(seed: UInt64) { self.seed = seed }

    mutating func noteNamespaces() { isEverything = true }

    mutating func note(service hash: UInt32) { if isWanted { keys.insert(ChangeKey.service(hash)) } }

    /// - Parameter label: folded, without length octet.
    mutating func note(podsOf label: [UInt8]) {
        if isWanted { keys.insert(ChangeKey.namespace(withBytes(label) { KeyedTable.hash($0, seed: seed) })) }
    }

    /// The addresses that an entry gives names to, before or after its change.
    mutating func note(addressesOf entry: ServiceEntry?) {
        guard isWanted, let entry, entry.kind == .cluster || entry.kind == .headless else { return }
        for isIPv4 in [true, false] {
            var addresses = entry.endpointAddresses(isIPv4: isIPv4).addresses(isIPv4: isIPv4)
            if entry.kind == .cluster { addresses += entry.clusterAddresses(isIPv4: isIPv4).addresses(isIPv4: isIPv4) }
            for address in addresses { keys.insert(ChangeKey.address(AddressTable.hash(address, seed: seed))) }
        }
    }

    /// What was noted since this was last asked; nil when it may be anything.
    mutating func drain() -> [UInt64]? {
        defer { (keys, isEverything) = ([], false) }
        return isEverything ? nil : Array(keys)
    }
}
