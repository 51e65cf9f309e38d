import DNSWire

/// The records of one service in sections: first those of its own name, addresses then SRV; the same for each name of a
/// port; at last those of endpoint names.
struct ServiceRecords {
    let entry: ServiceEntry
    let labels: ServiceLabels
    let filters: [PortFilter]

    init(_ entry: ServiceEntry, _ labels: ServiceLabels) {
        self.entry = entry
        self.labels = labels
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
}

extension ZoneWalk {
    func appendServices(to response: inout MessageWriter) -> Bool {
        while place.shard < Tables.shardCount {
            let table = KeyedTable(bytes: snapshot.tables.services[place.shard].view)
            var next = place.entry
            while let key = table.next(&next)?.key {
                // Names of topology zones are another view of the same endpoints, and nobody can list all of them.
                if let labels = ServiceLabels(tableKey: key), labels.isImport == isMulticluster,
                    labels.key.count + 4 + zone.view.count <= 255, let entry = view.service(labels),
                    entry.kind == .headless ? entry.hasEndpoints : entry.kind != .unusable
                {
                    guard append(ServiceRecords(entry, labels), to: &response) else { return false }
                }
                ownerOffset = nil
                place.beginEntry(next)
            }
            place.beginShard(place.shard + 1)
        }
        return true
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
        if let filter, portOwnerLength(filter) + service.labels.key.count + 4 + zone.view.count > 255 { return true }
        return place.section % 2 == 0
            ? appendAddress(of: service, filter, to: &response) : appendServers(of: service, filter, to: &response)
    }

    // MARK: - The service's name and those of its ports

    private func appendCNAME(_ service: ServiceRecords, to response: inout MessageWriter) -> Bool {
        tell(&response) { response in
            response.beginRecord(type: .cname, ttl: ttl) { owner in writeOwner(of: service, &owner) { _ in } }
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
            response.beginRecord(type: isIPv4 ? .a : .aaaa, ttl: ttl) { owner in
                writeOwner(of: service, &owner) { if let filter { Self.write(filter, to: &$0) } }
            }
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
        return tellAnswer(.srv, to: &response) { owner in
            writeOwner(of: service, &owner) { if let filter { Self.write(filter, to: &$0) } }
        } _: { question, answers in
            guard entry.kind == .headless else {
                return view.writeClusterServers(entry, filter, service.labels, question, to: &answers)
            }
            return view.writeServers(
                entry, place.element..<place.element + 1, filter, pairs: entry.pairs(filter), service.labels,
                question, to: &answers)
        }
    }

    private func appendGroup(of service: ServiceRecords, to response: inout MessageWriter) -> Bool {
        let entry = service.entry
        let group = entry.group(place.element)
        let length = 1 + view.labelLength(of: group, in: entry) + service.labels.key.count
        guard length + 4 + zone.view.count <= 255 else { return true }
        for type in [RecordType.a, .aaaa, .srv] {
            let isTold = tellAnswer(type, to: &response) { owner in
                writeOwner(of: service, &owner) { view.writeLabel(of: group, in: entry, to: &$0) }
            } _: { question, answers in
                view.answerGroup(place.element, of: entry, service.labels, question, to: &answers)
            }
            guard isTold else { return false }
        }
        return true
    }

    // MARK: - Owners

    /// Writes the service's name or a name below it, whose further labels `writeLabels` gives.
    private func writeOwner(
        of service: ServiceRecords, _ owner: inout MessageWriter, _ writeLabels: (inout MessageWriter) -> Void
    ) {
        writeLabels(&owner)
        if let ownerOffset {
            owner.writePointer(to: ownerOffset)
        } else {
            owner.write(service.labels.key)
            owner.write(.literal("\u{3}svc"))
            owner.writePointer(to: 12)
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
