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
    /// Writes PTR records: to the service that owns the address, else to every endpoint that has it.
    func answerReverse(
        _ address: IPAddress, _ question: ClusterQuestion, primaryZone: ByteView, to response: inout MessageWriter
    ) -> ClusterAnswer {
        let hash = AddressTable.hash(address, seed: seed)
        let table = reverse(hash)
        if let owner = clusterAddressOwner(address, table, hash) {
            guard question.type == .ptr else { return .noData }
            return writePointer(to: owner, question, primaryZone: primaryZone, to: &response)
        }
        var answer = ClusterAnswer.noSuchName
        var search = table.search(address, hash: hash)
        while let mark = table.next(&search).map(ReverseMark.init) {
            let services = services(mark.hash)
            var owners = services.search(mark.hash)
            while let owner = services.next(&owners) {
                let entry = ServiceEntry(bytes: owner.payload)
                guard let index = entry.index(of: address) else { continue }
                guard question.type == .ptr else { return .noData }
                answer = .records
                let wanted = ServiceEntry.Reference(
                    rawValue: (address.isIPv4 ? 0 : ServiceEntry.Reference.v6) | UInt32(truncatingIfNeeded: index))
                let isWhole = writePointers(
                    to: wanted, of: entry, owner.key, question, primaryZone: primaryZone, &response)
                guard isWhole else { return .records }
            }
        }
        return answer
    }

    /// The key of the service with that cluster address; of several, which no API server allows, the first by name.
    private func clusterAddressOwner(_ address: IPAddress, _ table: AddressTable, _ hash: UInt32) -> ByteView? {
        var first: ByteView?
        var search = table.search(address, hash: hash)
        while let mark = table.next(&search).map(ReverseMark.init) {
            guard mark.isClusterAddress else { continue }
            let services = services(mark.hash)
            var owners = services.search(mark.hash)
            while let owner = services.next(&owners) {
                guard ServiceEntry(bytes: owner.payload).hasClusterAddress(address) else { continue }
                if first.map(owner.key.precedes) ?? true { first = owner.key }
            }
        }
        return first
    }

    func writePointer(
        to key: ByteView, _ question: ClusterQuestion, primaryZone: ByteView, to response: inout MessageWriter
    ) -> ClusterAnswer {
        guard key.count + question.serviceLabelLength + primaryZone.count <= 255 else { return .noData }
        response.beginRecord(owner: question.nameOffset, type: .ptr, ttl: question.ttl)
        writeServiceName(key, question, zone: primaryZone, to: &response)
        _ = response.endAnswer()
        return .records
    }

    /// Writes a PTR record for each of the service's endpoint names with this address; false when one did not fit.
    private func writePointers(
        to wanted: ServiceEntry.Reference, of entry: ServiceEntry, _ key: ByteView, _ question: ClusterQuestion,
        primaryZone: ByteView, _ response: inout MessageWriter
    ) -> Bool {
        if let index = entry.derivedGroup(entry.address(of: wanted)) {
            let isWritten = writePointer(
                to: entry.group(index), of: entry, key, question, primaryZone: primaryZone, &response)
            guard isWritten else { return false }
        }
        for index in entry.derivedGroupCount..<max(entry.groupCount, entry.derivedGroupCount) {
            let group = entry.group(index)
            guard entry.contains(wanted, in: group) else { continue }
            let isWritten = writePointer(to: group, of: entry, key, question, primaryZone: primaryZone, &response)
            guard isWritten else { return false }
        }
        return true
    }

    private func writePointer(
        to group: ServiceEntry.Group, of entry: ServiceEntry, _ key: ByteView, _ question: ClusterQuestion,
        primaryZone: ByteView, _ response: inout MessageWriter
    ) -> Bool {
        guard 1 + labelLength(of: group, in: entry) + key.count + 4 + primaryZone.count <= 255 else { return true }
        response.beginRecord(owner: question.nameOffset, type: .ptr, ttl: question.ttl)
        writeLabel(of: group, in: entry, to: &response)
        writeServiceName(key, question, zone: primaryZone, to: &response)
        return response.endAnswer()
    }
}

// MARK: - Pods

extension ClusterView {
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
