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

    static func encode(namespace: String, usesHostNetwork: Bool, isPrimary: Bool) -> [UInt8]? {
        guard let label = CompactObject.label(namespace) else { return nil }
        return [(usesHostNetwork ? hostNetwork : 0) | (isPrimary ? 0 : secondary)] + label.dropFirst()
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
        let hash = KeyedTable.hash(labels.key, seed: seed)
        guard let payload = services(hash).find(labels.key, hash: hash) else { return nil }
        let entry = ServiceEntry(bytes: payload)
        if ignoresEmptyServices, entry.kind == .cluster, !entry.hasEndpoints { return nil }
        return entry
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

    /// The namespace of the pod that alone has this address, for `autopath`; known only with verified pods.
    ///
    /// - Returns: the folded label without length octet, valid as long as the snapshot; nil for addresses of nodes.
    package func podNamespace(of address: IPAddress) -> ByteView? {
        let hash = AddressTable.hash(address, seed: seed)
        let table = pods(hash)
        var search = table.search(address, hash: hash)
        while let mark = table.next(&search).map(PodMark.init) {
            if !mark.usesHostNetwork { return mark.namespace }
        }
        return nil
    }
}
