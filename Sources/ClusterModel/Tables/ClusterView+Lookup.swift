package import DNSWire

/// What a reverse entry says: in which role and by which services an address is used.
struct ReverseMark: BitwiseCopyable {
    let isClusterAddress: Bool
    /// The hash of the service's key; all services with that hash are looked at.
    let hash: UInt32

    init(_ payload: ByteView) {
        isClusterAddress = payload.at(0) == 1
        hash = payload.count == 5 ? payload.uint32(at: 1) : 0
    }

    static func encode(isClusterAddress: Bool, hash: UInt32) -> [UInt8] {
        var octets: [UInt8] = [isClusterAddress ? 1 : 0]
        octets.append(hash)
        return octets
    }
}

/// What a pod entry says: the pod's namespace, and what kind of address it is.
struct PodMark: BitwiseCopyable {
    private static let hostNetwork: UInt8 = 1
    private static let secondary: UInt8 = 2

    let usesHostNetwork: Bool
    /// `status.podIP`, the only one that has a name.
    let isPrimary: Bool
    /// Folded, without length octet.
    let namespace: ByteView

    init(_ payload: ByteView) {
        let marks = payload.at(0) ?? 0
        usesHostNetwork = marks & Self.hostNetwork != 0
        isPrimary = marks & Self.secondary == 0
        namespace = payload.count > 1 ? payload.suffix(from: 1) : .empty
    }

    /// - Parameter namespace: folded, without length octet.
    static func encode(namespace: [UInt8], usesHostNetwork: Bool, isPrimary: Bool) -> [UInt8] {
        [(usesHostNetwork ? hostNetwork : 0) | (isPrimary ? 0 : secondary)] + namespace
    }
}

extension ClusterView {
    /// What the question's name stands for; says nothing about its existence.
    package func classify(_ question: ClusterQuestion) -> ClusterName { ClusterName(question) }

    /// - Parameter label: folded, without length octet.
    package func namespaceExists(_ label: ByteView) -> Bool {
        namespaces.find(label, hash: KeyedTable.hash(label, seed: seed)) != nil
    }

    /// The service's records, nil where nothing may be said about it.
    func service(_ labels: ServiceLabels) -> ServiceEntry? {
        guard namespaceExists(labels.namespace) else { return nil }
        let key = labels.tableKey
        let hash = KeyedTable.hash(key, seed: seed)
        guard let payload = services(hash).find(key, hash: hash) else { return nil }
        let entry = ServiceEntry(bytes: payload, isImport: labels.isImport)
        if ignoresEmptyServices, entry.kind == .cluster, !entry.hasEndpoints { return nil }
        return entry
    }

    /// The service's records narrowed to the endpoints of a topology zone; nil when it has none there.
    ///
    /// - Parameter zone: labels in wire form.
    func service(_ labels: ServiceLabels, in zone: ByteView) -> ServiceEntry? {
        guard zone.count <= CompactObject.longestZone, zone.count + 6 + labels.key.count <= 255 else { return nil }
        var octets = InlineArray<255, UInt8>(repeating: 0)
        var length = 0
        func append(_ part: ByteView) {
            for index in 0..<part.count { octets[length + index] = part[index] }
            length += part.count
        }
        append(zone)
        append(.literal("\u{5}_zone"))
        append(labels.key)
        return withBytes(octets, length) { key in
            let hash = KeyedTable.hash(key, seed: seed)
            return services(hash).find(key, hash: hash).map(ServiceEntry.init)
        }
    }

    /// True when a pod of that namespace has the address as its `status.podIP`.
    func podExists(_ address: IPAddress, namespace: ByteView) -> Bool {
        let hash = AddressTable.hash(address, seed: seed)
        let table = pods(hash)
        var search = table.search(address, hash: hash)
        while let mark = table.next(&search).map(PodMark.init) {
            if mark.isPrimary, mark.namespace.equals(namespace) { return true }
        }
        return false
    }

    /// The namespace that an address stands for: that of every pod which has it, none of which is on a host's network.
    ///
    /// Where two pods of different namespaces have one address, one of them is about to go: which, only time tells.
    ///
    /// - Returns: the folded label without length octet, valid as long as the snapshot; nil when there is none or doubt.
    package func podNamespace(of address: IPAddress) -> ByteView? {
        let hash = AddressTable.hash(address, seed: seed)
        let table = pods(hash)
        var search = table.search(address, hash: hash)
        var namespace: ByteView?
        while let mark = table.next(&search).map(PodMark.init) {
            guard !mark.usesHostNetwork, namespace?.equals(mark.namespace) ?? true else { return nil }
            namespace = mark.namespace
        }
        return namespace
    }
}
