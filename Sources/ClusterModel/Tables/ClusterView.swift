package import DNSWire

/// The reading side of a snapshot: copying and using it counts no references.
///
/// Safe as long as the snapshot lives: the pointer leads to its directory of five times `Tables.shardCount` shards.
@safe package struct ClusterView: BitwiseCopyable, @unchecked Sendable {
    private let shards: UnsafePointer<ByteView>
    let namespaces: KeyedTable
    let seed: UInt64
    let pods: PodNames
    let ignoresEmptyServices: Bool
    let answersZones: Bool

    init(
        shards: UnsafePointer<ByteView>, namespaces: KeyedTable, seed: UInt64, options: ModelOptions
    ) {
        unsafe self.shards = unsafe shards
        self.namespaces = namespaces
        self.seed = seed
        pods = options.pods
        ignoresEmptyServices = options.ignoresEmptyServices
        answersZones = options.answersZones
    }

    /// The table of services that a hash belongs to.
    func services(_ hash: UInt32) -> KeyedTable {
        unsafe KeyedTable(bytes: shards[KeyedTable.shard(of: hash)])
    }

    func reverse(_ hash: UInt32) -> AddressTable {
        unsafe AddressTable(bytes: shards[Tables.shardCount + AddressTable.shard(of: hash)])
    }

    func pods(_ hash: UInt32) -> AddressTable {
        unsafe AddressTable(bytes: shards[2 * Tables.shardCount + AddressTable.shard(of: hash)])
    }

    func external(_ hash: UInt32) -> KeyedTable {
        unsafe KeyedTable(bytes: shards[3 * Tables.shardCount + KeyedTable.shard(of: hash)])
    }

    func externalReverse(_ hash: UInt32) -> AddressTable {
        unsafe AddressTable(bytes: shards[4 * Tables.shardCount + AddressTable.shard(of: hash)])
    }
}

extension ClusterView {
    /// What the question's name stands for; says nothing about its existence.
    package func classify(_ question: ClusterQuestion) -> ClusterName { ClusterName(question) }

    /// - Parameter label: folded, without length octet.
    package func namespaceExists(_ label: ByteView) -> Bool {
        namespaces.find(label, hash: KeyedTable.hash(label, seed: seed)) != nil
    }

    /// True for a service of a namespace that has names.
    func isVisible(_ service: KeyedTable.Entry) -> Bool {
        ServiceLabels(tableKey: service.key).map { namespaceExists($0.namespace) } ?? false
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
}

extension ClusterView {
    /// Writes the records of the question's name and type.
    ///
    /// - Parameter primaryZone: where PTR records point into, in wire form.
    package func answer(
        _ question: ClusterQuestion, primaryZone: ByteView, to response: inout MessageWriter
    ) -> ClusterAnswer {
        switch classify(question) {
        case .apex, .nameServer: return .ofServer
        case .nameServerParent, .serviceRoot, .podRoot: return .noData
        case .schemaVersion:
            return question.type == .txt ? writeSchemaVersion(question, to: &response) : .noData
        case .serviceNamespace(let namespace):
            return namespaceExists(namespace) ? .noData : .noSuchName
        case .podNamespace(let namespace):
            return pods != .disabled && namespaceExists(namespace) ? .noData : .noSuchName
        case .service(let labels):
            guard let entry = service(labels) else { return .noSuchName }
            return answerService(entry, labels, question, to: &response)
        case .port(let filter, let labels):
            guard let entry = service(labels) else { return .noSuchName }
            return answerPort(filter, of: entry, labels, question, to: &response)
        case .endpoint(let label, let labels):
            guard let entry = service(labels), entry.kind != .externalName else { return .noSuchName }
            return answerEndpoint(label, of: entry, labels, question, to: &response)
        case .zonal(let zone, let isPreference, let labels):
            return answerZonal(zone, isPreference, labels, question, to: &response)
        case .pod(let label, let namespace):
            return answerPod(label, namespace: namespace, question, to: &response)
        case .address(let address):
            return answerReverse(address, question, primaryZone: primaryZone, to: &response)
        case .unknown:
            return .noSuchName
        }
    }

    // The version of the DNS schema, with the lifetime of its example (Kubernetes DNS specification §2.2).
    func writeSchemaVersion(_ question: ClusterQuestion, to response: inout MessageWriter) -> ClusterAnswer {
        response.beginRecord(owner: question.nameOffset, type: .txt, ttl: 28800)
        response.write(.literal("\u{5}1.1.0"))
        _ = response.endAnswer()
        return .records
    }

    // MARK: - Services

    private func answerService(
        _ entry: ServiceEntry, _ labels: ServiceLabels, _ question: ClusterQuestion, to response: inout MessageWriter
    ) -> ClusterAnswer {
        switch entry.kind {
        case .cluster:
            return answerCluster(entry, nil, labels, question, to: &response)
        case .headless:
            // Without ready endpoints a headless service has no name (Kubernetes DNS specification §2.4).
            guard entry.hasEndpoints else { return .noSuchName }
            return answerHeadless(entry, nil, labels, question, to: &response)
        case .externalName:
            return writeCNAME(to: entry.target, question, to: &response)
        case .unusable:
            return .noSuchName
        }
    }

    func answerPort(
        _ filter: PortFilter, of entry: ServiceEntry, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        switch entry.kind {
        case .cluster:
            guard entry.portList(0).matchCount(filter) > 0 else { return .noSuchName }
            return answerCluster(entry, filter, labels, question, to: &response)
        case .headless:
            guard entry.hasEndpoints, entry.endpointsHavePort(filter) else { return .noSuchName }
            return answerHeadless(entry, filter, labels, question, to: &response)
        case .externalName, .unusable:
            return .noSuchName
        }
    }

    private func answerCluster(
        _ entry: ServiceEntry, _ filter: PortFilter?, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        switch question.type {
        case .a, .aaaa:
            let addresses = entry.clusterAddresses(isIPv4: question.type == .a)
            return writeAddresses(addresses, question, to: &response)
        case .srv:
            return writeClusterServers(entry, filter, labels, question, to: &response)
        default:
            return .noData
        }
    }

    func writeAddresses(
        _ addresses: ByteView, _ question: ClusterQuestion, to response: inout MessageWriter
    ) -> ClusterAnswer {
        guard addresses.count > 0 else { return .noData }
        let isWhole = response.appendAddresses(
            owner: question.nameOffset, type: question.type, ttl: question.ttl, addresses: addresses,
            rotation: max(0, question.rotation), in: .answer)
        if !isWhole { response.truncate() }
        return .records
    }

    func answerHeadless(
        _ entry: ServiceEntry, _ filter: PortFilter?, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        switch question.type {
        case .a, .aaaa:
            let isIPv4 = question.type == .a
            // With one port list all endpoints have the port, or the name would not be here.
            guard filter != nil, entry.portListCount > 2 else {
                return writeAddresses(entry.endpointAddresses(isIPv4: isIPv4), question, to: &response)
            }
            return writeAddresses(of: entry, having: filter, question, to: &response)
        case .srv:
            return writeServers(
                entry, 0..<entry.groupCount, filter, pairs: entry.pairs(filter), labels, question, to: &response)
        default:
            return .noData
        }
    }

    /// The client's name is a CNAME of `target`.
    func writeCNAME(
        to target: ByteView, _ question: ClusterQuestion, to response: inout MessageWriter
    ) -> ClusterAnswer {
        guard let offset = response.writeCNAME(owner: question.nameOffset, ttl: question.ttl, target: target) else {
            return .records
        }
        return question.type == .cname ? .records : .cname(targetOffset: offset)
    }

    // MARK: - Endpoints

    func answerEndpoint(
        _ label: ByteView, of entry: ServiceEntry, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        guard let index = entry.findGroup(label) else {
            let transport = entry.isImport ? label.suffix(from: 1) : label
            let exists =
                hasPorts(of: entry, transport: transport.withoutUnderscore) || entry.hasCluster(label)
                || answersZones && entry.kind == .headless && label.spells("_zone")
            return exists ? .noData : .noSuchName
        }
        return answerGroup(index, of: entry, labels, question, to: &response)
    }

    /// The records of one endpoint name.
    func answerGroup(
        _ index: Int, of entry: ServiceEntry, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        let group = entry.group(index)
        switch question.type {
        case .a, .aaaa:
            return writeAddresses(of: entry, group, question, to: &response)
        case .srv:
            return writeServers(
                entry, index..<(index + 1), nil, pairs: group.pairs, labels, question, to: &response)
        default:
            return .noData
        }
    }

    /// True for `_tcp.service` above names of ports: an empty non-terminal exists (RFC 8020 §2).
    private func hasPorts(of entry: ServiceEntry, transport label: ByteView) -> Bool {
        guard let transport = Transport(label) else { return false }
        if entry.kind == .cluster { return entry.portList(0).names(transport) }
        guard entry.hasEndpoints else { return false }
        for list in 1..<max(entry.portListCount, 1) where entry.portList(list).names(transport) { return true }
        return false
    }

    // MARK: - Topology zones

    private func answerZonal(
        _ zone: ByteView, _ isPreference: Bool, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        guard answersZones, let entry = service(labels), entry.kind == .headless else { return .noSuchName }
        guard zone.count > 0 else { return .noData }
        // Every zone can be asked for: which of them have endpoints changes all the time.
        guard let found = service(labels, in: zone) ?? (isPreference ? entry : nil), found.hasEndpoints else {
            return .noData
        }
        return answerHeadless(found, nil, labels, question, to: &response)
    }

    // MARK: - Pods

    private func answerPod(
        _ label: ByteView, namespace: ByteView, _ question: ClusterQuestion, to response: inout MessageWriter
    ) -> ClusterAnswer {
        guard pods != .disabled, let address = IPAddress(dashed: label), namespaceExists(namespace),
            pods == .insecure || podExists(address, namespace: namespace)
        else { return .noSuchName }
        guard question.type == (address.isIPv4 ? .a : .aaaa) else { return .noData }
        response.beginRecord(owner: question.nameOffset, type: question.type, ttl: question.ttl)
        for index in 0..<address.octetCount { response.write(address.octet(index)) }
        _ = response.endAnswer()
        return .records
    }
}
