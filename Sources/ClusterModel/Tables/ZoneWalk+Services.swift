import DNSWire

/// The records of one service in sections: first those of its own name, addresses then SRV; the same for each name of a
/// port; at last those of endpoint names.
struct ServiceRecords {
    let entry: ServiceEntry
    /// Service and namespace as wire labels without a root.
    let key: ByteView
    let filters: [PortFilter]

    init(_ entry: ServiceEntry, key: ByteView) {
        self.entry = entry
        self.key = key
        filters = Self.filters(of: entry)
    }

    var sectionCount: Int { entry.kind == .externalName ? 1 : 2 + 2 * filters.count + 1 }

    /// What the port's name must be in a section; nil for the service's own name.
    func filter(_ section: Int) -> PortFilter? {
        let index = section / 2 - 1
        return filters.indices.contains(index) ? filters[index] : nil
    }

    func elementCount(_ section: Int) -> Int {
        if entry.kind == .externalName { return 1 }
        if section == sectionCount - 1 { return entry.groupCount }
        if section % 2 == 0 { return addresses(isIPv4: true).count / 4 + addresses(isIPv4: false).count / 16 }
        return entry.kind == .cluster ? 1 : entry.groupCount
    }

    func addresses(isIPv4: Bool) -> ByteView {
        entry.kind == .cluster ? entry.clusterAddresses(isIPv4: isIPv4) : entry.endpointAddresses(isIPv4: isIPv4)
    }

    /// The lists with ports that names are made of: the service's own, or those of its endpoints.
    private static func lists(of entry: ServiceEntry) -> Range<Int> {
        switch entry.kind {
        case .cluster: 0..<1
        case .headless: 1..<max(entry.portListCount, 1)
        case .externalName, .unusable: 0..<0
        }
    }

    private static func filters(of entry: ServiceEntry) -> [PortFilter] {
        var filters: [PortFilter] = []
        for index in lists(of: entry) {
            let list = entry.portList(index)
            var place = 2
            while let port = list.next(&place) {
                // With its underscore the name must be a label.
                guard (1...62).contains(port.name.count), let transport = port.transport,
                    !filters.contains(where: { $0.transport == transport && $0.name.equals(port.name) })
                else { continue }
                filters.append(PortFilter(name: port.name, transport: transport))
            }
        }
        return filters
    }

    /// How many addresses and ports share the weight of the section's SRV records.
    func pairs(_ filter: PortFilter?) -> Int {
        guard entry.kind == .headless else {
            let addresses = addresses(isIPv4: true).count / 4 + addresses(isIPv4: false).count / 16
            return addresses * entry.portList(0).matchCount(filter)
        }
        return Self.lists(of: entry).reduce(0) { sum, list in
            sum + entry.endpointCount(ofList: list) * entry.portList(list).matchCount(filter)
        }
    }
}

extension ByteView {
    /// True for service and namespace, false for keys with a topology zone.
    fileprivate var isTwoLabels: Bool {
        guard let first = at(0), let second = at(Int(first) + 1) else { return false }
        return count == Int(first) + Int(second) + 2
    }
}

extension ZoneWalk {
    func appendServices(to response: inout MessageWriter) -> Bool {
        while place.shard < Tables.shardCount {
            let table = KeyedTable(bytes: snapshot.tables.services[place.shard].view)
            var next = place.entry
            while let (key, payload) = table.next(&next).map({ ($0.key, $0.payload) }) {
                let labels = CompactObject.isImport(key) ? key.slice(0, key.count - 4) : key
                // Names of topology zones are another view of the same endpoints, and nobody can list all of them.
                if labels.isTwoLabels, (labels.count < key.count) == isMulticluster,
                    let entry = visible(ServiceEntry(bytes: payload, isImport: isMulticluster), labels)
                {
                    guard append(ServiceRecords(entry, key: labels), to: &response) else { return false }
                }
                ownerOffset = nil
                place.beginEntry(next)
            }
            place.beginShard(place.shard + 1)
        }
        return true
    }

    /// The entry if questions for it are answered.
    private func visible(_ entry: ServiceEntry, _ key: ByteView) -> ServiceEntry? {
        guard let first = key.at(0), key.count > Int(first) + 2,
            view.namespaceExists(key.suffix(from: Int(first) + 2)), key.count + 4 + zone.view.count <= 255
        else { return nil }
        switch entry.kind {
        case .cluster: return view.ignoresEmptyServices && !entry.hasEndpoints ? nil : entry
        case .headless: return entry.hasEndpoints ? entry : nil
        case .externalName: return entry
        case .unusable: return nil
        }
    }

    private func append(_ service: ServiceRecords, to response: inout MessageWriter) -> Bool {
        while place.section < service.sectionCount {
            let count = service.elementCount(place.section)
            while place.element < count {
                guard appendElement(of: service, to: &response) else { return false }
                finishElement()
            }
            place.section += 1
            place.beginElement(0)
        }
        return true
    }

    private func appendElement(of service: ServiceRecords, to response: inout MessageWriter) -> Bool {
        if service.entry.kind == .externalName { return appendCNAME(service, to: &response) }
        if place.section == service.sectionCount - 1 { return appendGroup(of: service, to: &response) }
        let filter = service.filter(place.section)
        if let filter, portOwnerLength(filter) + service.key.count + 4 + zone.view.count > 255 { return true }
        return place.section % 2 == 0
            ? appendAddress(of: service, filter, to: &response) : appendServers(of: service, filter, to: &response)
    }

    // MARK: - The service's name and those of its ports

    private func appendCNAME(_ service: ServiceRecords, to response: inout MessageWriter) -> Bool {
        tell(&response) { response in
            begin(.cname, service, to: &response) { _ in }
            response.write(service.entry.target)
            return response.endRecord(in: .answer)
        }
    }

    private func appendAddress(
        of service: ServiceRecords, _ filter: PortFilter?, to response: inout MessageWriter
    ) -> Bool {
        let entry = service.entry
        let v4Count = service.addresses(isIPv4: true).count / 4
        let isIPv4 = place.element < v4Count
        let index = isIPv4 ? place.element : place.element - v4Count
        if filter != nil, entry.kind == .headless, entry.portListCount > 2 {
            let list = entry.portListIndex(ofAddress: index, isIPv4: isIPv4)
            guard entry.portList(list).matchCount(filter) > 0 else { return true }
        }
        let size = isIPv4 ? 4 : 16
        let octets = service.addresses(isIPv4: isIPv4).slice(index * size, size)
        return tell(&response) { response in
            let start = response.count
            begin(isIPv4 ? .a : .aaaa, service, to: &response) { if let filter { Self.write(filter, to: &$0) } }
            response.write(octets)
            guard response.endRecord(in: .answer) else { return false }
            // Owners of the service's further records point at this one's.
            if ownerOffset == nil { ownerOffset = start + (filter.map(portOwnerLength) ?? 0) }
            return true
        }
    }

    private func appendServers(
        of service: ServiceRecords, _ filter: PortFilter?, to response: inout MessageWriter
    ) -> Bool {
        let entry = service.entry
        let weight = view.weight(service.pairs(filter))
        let group = entry.kind == .cluster ? nil : entry.group(place.element)
        let list = entry.portList(group?.portList ?? 0)
        // Without an address a service has no servers either.
        guard group != nil || service.pairs(nil) > 0 else { return true }
        return appendServers(list, filter, weight, service, group, to: &response) { owner in
            if let filter { Self.write(filter, to: &owner) }
        }
    }

    private func appendServers(
        _ list: PortList, _ filter: PortFilter?, _ weight: UInt16, _ service: ServiceRecords,
        _ group: ServiceEntry.Group?, to response: inout MessageWriter, _ writeOwner: (inout MessageWriter) -> Void
    ) -> Bool {
        let labelLength = group.map { 1 + view.labelLength(of: $0, in: service.entry) } ?? 0
        guard labelLength + service.key.count + 4 + zone.view.count <= 255 else { return true }
        var next = 2
        while let port = list.nextServed(&next, by: filter) {
            let isTold = tell(&response) { response in
                begin(.srv, service, to: &response, writeOwner)
                response.write(UInt16(0))
                response.write(weight)
                response.write(port.number)
                if let group { view.writeLabel(of: group, in: service.entry, to: &response) }
                response.write(service.key)
                response.write(.literal("\u{3}svc"))
                response.write(zone.view)
                return response.endRecord(in: .answer)
            }
            guard isTold else { return false }
        }
        return true
    }

    // MARK: - Names of endpoints

    private func appendGroup(of service: ServiceRecords, to response: inout MessageWriter) -> Bool {
        let entry = service.entry
        let group = entry.group(place.element)
        guard 1 + view.labelLength(of: group, in: entry) + service.key.count + 4 + zone.view.count <= 255 else {
            return true
        }
        for index in 0..<group.addressCount {
            let reference = entry.reference(index, of: group)
            let isTold = tell(&response) { response in
                begin(reference.isIPv4 ? .a : .aaaa, service, to: &response) {
                    view.writeLabel(of: group, in: entry, to: &$0)
                }
                response.write(entry.octets(of: reference))
                return response.endRecord(in: .answer)
            }
            guard isTold else { return false }
        }
        return appendServers(
            entry.portList(group.portList), nil, view.weight(group.pairs), service, group, to: &response
        ) { view.writeLabel(of: group, in: entry, to: &$0) }
    }

    // MARK: - Owners

    /// Begins a record at the service's name or at a name below it, whose further labels `writeLabels` gives.
    private func begin(
        _ type: RecordType, _ service: ServiceRecords, to response: inout MessageWriter,
        _ writeLabels: (inout MessageWriter) -> Void
    ) {
        response.beginRecord(type: type, ttl: ttl) { owner in
            writeLabels(&owner)
            if let ownerOffset {
                owner.writePointer(to: ownerOffset)
            } else {
                owner.write(service.key)
                owner.write(.literal("\u{3}svc"))
                owner.writePointer(to: 12)
            }
        }
    }

    private func portOwnerLength(_ filter: PortFilter) -> Int {
        2 + filter.name.count + 2 + (filter.transport == .sctp ? 4 : 3)
    }

    /// `_name._transport` as labels.
    private static func write(_ filter: PortFilter, to response: inout MessageWriter) {
        response.write(UInt8(truncatingIfNeeded: filter.name.count + 1))
        response.write(UInt8(ascii: "_"))
        response.write(filter.name)
        switch filter.transport {
        case .tcp: response.write(.literal("\u{4}_tcp"))
        case .udp: response.write(.literal("\u{4}_udp"))
        case .sctp: response.write(.literal("\u{5}_sctp"))
        }
    }
}
