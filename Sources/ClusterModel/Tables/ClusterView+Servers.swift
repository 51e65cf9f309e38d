import DNSWire

extension ClusterView {
    // MARK: - Addresses

    /// Writes the addresses of the endpoints that have a port.
    func writeAddresses(
        of entry: ServiceEntry, having filter: PortFilter?, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        let isIPv4 = question.type == .a
        let size = isIPv4 ? 4 : 16
        let addresses = entry.endpointAddresses(isIPv4: isIPv4)
        let count = addresses.count / size
        var answer = ClusterAnswer.noData
        // Neighbours mostly have the same ports.
        var (lastList, lastMatches) = (0, false)
        for step in 0..<count {
            let index = (step + max(0, question.rotation) % count) % count
            let list = entry.portListIndex(ofAddress: index, isIPv4: isIPv4)
            if list != lastList { (lastList, lastMatches) = (list, entry.portList(list).matchCount(filter) > 0) }
            guard lastMatches else { continue }
            answer = .records
            let data = addresses.slice(index * size, size)
            guard writeAddress(data, question, to: &response) else { break }
        }
        return answer
    }

    /// Writes the addresses of one endpoint name.
    func writeAddresses(
        of entry: ServiceEntry, _ group: ServiceEntry.Group, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        var answer = ClusterAnswer.noData
        let count = group.addressCount
        for step in 0..<count {
            let reference = entry.reference((step + max(0, question.rotation) % count) % count, of: group)
            guard reference.isIPv4 == (question.type == .a) else { continue }
            answer = .records
            guard writeAddress(entry.octets(of: reference), question, to: &response) else { break }
        }
        return answer
    }

    private func writeAddress(
        _ data: ByteView, _ question: ClusterQuestion, to response: inout MessageWriter
    ) -> Bool {
        let isWritten = response.appendRecord(
            owner: question.nameOffset, type: question.type, ttl: question.ttl, data: data, in: .answer)
        if !isWritten { response.truncate() }
        return isWritten
    }

    // MARK: - SRV

    /// CoreDNS' share of a hundred for each of `pairs` addresses and ports, and never nothing.
    private func weight(_ pairs: Int) -> UInt16 { UInt16(max(1, 100 / max(1, pairs))) }

    /// Writes the SRV records of a service with cluster addresses, which all point to the service itself.
    func writeClusterServers(
        _ entry: ServiceEntry, _ filter: PortFilter?, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        let (v4, v6) = (entry.clusterAddresses(isIPv4: true), entry.clusterAddresses(isIPv4: false))
        let list = entry.portList(0)
        guard v4.count + v6.count > 0, labels.key.count + 4 + question.zoneLength <= 255 else { return .noData }
        return writeServers(list, filter, v4, v6, question, to: &response) { response in
            writeServiceName(labels.key, question, zone: question.zone, to: &response)
        }
    }

    /// Writes an SRV record for each port, all of which point to the name that `writeTarget` writes, then that name's
    /// addresses as additional records.
    func writeServers(
        _ list: PortList, _ filter: PortFilter?, _ v4: ByteView, _ v6: ByteView, _ question: ClusterQuestion,
        to response: inout MessageWriter, _ writeTarget: (inout MessageWriter) -> Void
    ) -> ClusterAnswer {
        let weight = weight(max(1, v4.count / 4 + v6.count / 16) * list.matchCount(filter))
        var targetOffset: Int?
        var place = 2
        while let port = list.nextServed(&place, by: filter) {
            beginServer(port.number, weight, question, to: &response)
            targetOffset = targetOffset ?? response.count
            writeTarget(&response)
            guard response.endAnswer() else { return .records }
        }
        guard let targetOffset else { return .noData }
        // What does not fit is left out, and the answer is complete all the same (RFC 2181 §9).
        _ = response.appendAddresses(
            owner: targetOffset, type: .a, ttl: question.ttl, addresses: v4, rotation: 0, in: .additional)
        _ = response.appendAddresses(
            owner: targetOffset, type: .aaaa, ttl: question.ttl, addresses: v6, rotation: 0, in: .additional)
        return .records
    }

    /// Writes one SRV record for each endpoint name and port, then the names' addresses as additional records.
    func writeServers(
        _ entry: ServiceEntry, _ groups: Range<Int>, _ filter: PortFilter?, pairs: Int, _ labels: ServiceLabels,
        _ question: ClusterQuestion, to response: inout MessageWriter
    ) -> ClusterAnswer {
        let start = response.count
        let weight = weight(pairs)
        for step in 0..<groups.count {
            let turn = (step + max(0, question.rotation) % groups.count) % groups.count
            let group = entry.group(groups.lowerBound + turn)
            let length = targetLength(entry, group, labels, question)
            guard length <= 255 else { continue }
            let list = entry.portList(group.portList)
            var place = 2
            while let port = list.nextServed(&place, by: filter) {
                beginServer(port.number, weight, question, to: &response)
                writeLabel(of: group, in: entry, to: &response)
                writeServiceName(labels.key, question, zone: question.zone, to: &response)
                guard response.endAnswer() else { return .records }
            }
        }
        guard response.count > start else { return .noData }
        appendTargets(entry, groups, filter, labels, question, from: start, to: &response)
        return .records
    }

    /// Walks the groups as `writeServers` did, so that owners can point at the targets it wrote from `start` on.
    private func appendTargets(
        _ entry: ServiceEntry, _ groups: Range<Int>, _ filter: PortFilter?, _ labels: ServiceLabels,
        _ question: ClusterQuestion, from start: Int, to response: inout MessageWriter
    ) {
        // Owner, type, class, TTL, data length, then priority, weight and port stand before the target.
        let head = 2 + 10 + 6
        var place = start
        for step in 0..<groups.count {
            let turn = (step + max(0, question.rotation) % groups.count) % groups.count
            let group = entry.group(groups.lowerBound + turn)
            let length = targetLength(entry, group, labels, question)
            guard length <= 255 else { continue }
            let servers = serverCount(entry.portList(group.portList), filter)
            guard servers > 0 else { continue }
            let isWhole = appendAddresses(
                of: entry, group, filter, owner: place + head, ttl: question.ttl, to: &response)
            // What does not fit is left out, and the answer is complete all the same (RFC 2181 §9).
            guard isWhole else { return }
            place += servers * (head + length)
        }
    }

    private func serverCount(_ list: PortList, _ filter: PortFilter?) -> Int {
        var place = 2
        var count = 0
        while list.nextServed(&place, by: filter) != nil { count += 1 }
        return count
    }

    private func appendAddresses(
        of entry: ServiceEntry, _ group: ServiceEntry.Group, _ filter: PortFilter?, owner: Int, ttl: UInt32,
        to response: inout MessageWriter
    ) -> Bool {
        for index in 0..<group.addressCount {
            let reference = entry.reference(index, of: group)
            if filter != nil, entry.portListCount > 2 {
                let list = entry.portListIndex(ofAddress: reference.index, isIPv4: reference.isIPv4)
                guard entry.portList(list).matchCount(filter) > 0 else { continue }
            }
            let isWritten = response.appendRecord(
                owner: owner, type: reference.isIPv4 ? .a : .aaaa, ttl: ttl, data: entry.octets(of: reference),
                in: .additional)
            guard isWritten else { return false }
        }
        return true
    }

    private func beginServer(
        _ port: UInt16, _ weight: UInt16, _ question: ClusterQuestion, to response: inout MessageWriter
    ) {
        response.beginRecord(owner: question.nameOffset, type: .srv, ttl: question.ttl)
        response.write(UInt16(0))
        response.write(weight)
        response.write(port)
    }

    // MARK: - Names

    private func targetLength(
        _ entry: ServiceEntry, _ group: ServiceEntry.Group, _ labels: ServiceLabels, _ question: ClusterQuestion
    ) -> Int {
        1 + labelLength(of: group, in: entry) + labels.key.count + question.serviceLabelLength + question.zoneLength
    }

    func labelLength(of group: ServiceEntry.Group, in entry: ServiceEntry) -> Int {
        // Two labels in wire form have their first length octet with them.
        if let label = entry.label(of: group) { return label.count - (entry.isImport ? 1 : 0) }
        return AddressLabel(entry.address(of: entry.reference(0, of: group))).count
    }

    func writeLabel(of group: ServiceEntry.Group, in entry: ServiceEntry, to response: inout MessageWriter) {
        if let label = entry.label(of: group) {
            if !entry.isImport { response.write(UInt8(truncatingIfNeeded: label.count)) }
            response.write(label)
            return
        }
        let label = AddressLabel(entry.address(of: entry.reference(0, of: group)))
        response.write(UInt8(truncatingIfNeeded: label.count))
        for index in 0..<label.count { response.write(label[index]) }
    }

    /// Writes `service.namespace.svc.zone` in full: SRV and PTR targets of cluster names are read by simple clients.
    func writeServiceName(
        _ key: ByteView, _ question: ClusterQuestion, zone: ByteView, to response: inout MessageWriter
    ) {
        response.write(key)
        if !question.zoneIsExternal { response.write(.literal("\u{3}svc")) }
        response.write(zone)
    }
}

extension MessageWriter {
    /// Completes a record of the answer; false, and TC set, when it does not fit (RFC 2181 §9).
    mutating func endAnswer() -> Bool {
        let isWritten = endRecord(in: .answer)
        if !isWritten { truncate() }
        return isWritten
    }
}
