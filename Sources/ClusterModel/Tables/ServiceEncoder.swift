import DNSWire

/// Turns a service and its endpoint slices into one `ServiceEntry`.
struct ServiceEncoder {
    private struct Record {
        let address: IPAddress
        let label: [UInt8]
        let portList: Int
        var reference: UInt32 = 0
    }

    /// Lists beyond this many share the first endpoint list; no real service comes near.
    private static let listLimit = 60_000
    private var lists: [[UInt8]] = []
    private var listIndex: [[UInt8]: Int] = [:]
    private var listCounts: [UInt32] = []
    private var records: [Record] = []
    private var v4: [IPAddress] = []
    private var v6: [IPAddress] = []
    private let isImport: Bool
    /// The topology zone whose endpoints are wanted; nil for all.
    private let zone: [UInt8]?

    private init(isImport: Bool, zone: [UInt8]?) {
        self.isImport = isImport
        self.zone = zone
    }

    /// The topology zones of these slices' endpoints, as labels in wire form.
    static func zones(of slices: [[UInt8]]) -> Set<[UInt8]> {
        var zones: Set<[UInt8]> = []
        for slice in slices {
            withBytes(slice) { slice in
                var place = 4 + CompactObject.ports(of: slice).count
                while let endpoint = CompactObject.nextEndpoint(slice, &place) {
                    if endpoint.zone.count > 0 { zones.insert(endpoint.zone.array) }
                }
            }
        }
        return zones
    }

    /// - Parameters:
    ///   - isImport: the first endpoint of each slice names its cluster, and names have two labels.
    ///   - zone: of the endpoints that are wanted; nil for all.
    /// - Returns: nil when the service has no records at all.
    static func encode(service: [UInt8], slices: [[UInt8]], isImport: Bool = false, zone: [UInt8]? = nil) -> [UInt8]? {
        switch service.first.flatMap(ServiceKind.init) {
        case .externalName: return service
        case .cluster, .headless:
            if !isImport, zone == nil, let plain = PlainService(service: service, slices: slices) {
                return plain.encoded()
            }
            return encodeAny(service: service, slices: slices, isImport: isImport, zone: zone)
        case .unusable, nil: return nil
        }
    }

    /// As `encode`, for services of the two kinds that have endpoints.
    static func encodeAny(service: [UInt8], slices: [[UInt8]], isImport: Bool, zone: [UInt8]?) -> [UInt8] {
        var encoder = ServiceEncoder(isImport: isImport, zone: zone)
        encoder.read(service, slices)
        return encoder.write(service)
    }

    // MARK: - Reading

    private mutating func read(_ service: [UInt8], _ slices: [[UInt8]]) {
        var ownPorts = PortList.encode([])
        if service[0] == ServiceKind.cluster.rawValue {
            ownPorts = Array(service[(3 + Int(service[1]) * 4 + Int(service[2]) * 16)...])
        }
        lists = [ownPorts]
        listCounts = [0]
        for slice in slices { withBytes(slice) { read(slice: $0) } }
        nameClashes()
        v4 = Self.distinct(records.lazy.map(\.address).filter(\.isIPv4))
        v6 = Self.distinct(records.lazy.map(\.address).filter { !$0.isIPv4 })
        for index in records.indices { records[index].reference = reference(to: records[index].address) }
        records.sort {
            if $0.label != $1.label { return $0.label.lexicographicallyPrecedes($1.label) }
            return $0.reference < $1.reference
        }
    }

    /// Ascending, each once; all of one family.
    private static func distinct(_ addresses: some Sequence<IPAddress>) -> [IPAddress] {
        var distinct: [IPAddress] = []
        for address in addresses.sorted() where distinct.last != address {
            distinct.append(address)
        }
        return distinct
    }

    /// The address' place among those of its family; it is one of them.
    private func reference(to address: IPAddress) -> UInt32 {
        let addresses = address.isIPv4 ? v4 : v6
        let index = addresses.indices.end { addresses[$0] < address }
        return (address.isIPv4 ? 0 : ServiceEntry.Reference.v6) | UInt32(index)
    }

    private mutating func read(slice: ByteView) {
        var place = 4 + CompactObject.ports(of: slice).count
        guard place < slice.count else { return }
        var cluster: [UInt8] = []
        if isImport {
            guard let (_, label, _) = CompactObject.nextEndpoint(slice, &place) else { return }
            cluster = [UInt8(label.count)] + label.array
            guard place < slice.count else { return }
        }
        let list = intern(CompactObject.ports(of: slice).array)
        while let (address, label, inZone) = CompactObject.nextEndpoint(slice, &place) {
            if let zone, !withBytes(zone, { $0.equals(inZone) }) { continue }
            let label = isImport ? Self.label(label, of: address, in: cluster) : label.array
            records.append(Record(address: address, label: label, portList: list))
            listCounts[list] &+= 1
        }
    }

    /// The endpoint's label and its cluster's in wire form.
    private static func label(_ label: ByteView, of address: IPAddress, in cluster: [UInt8]) -> [UInt8] {
        let own = label.count > 0 ? label.array : AddressLabel(address).array
        return [UInt8(own.count)] + own + cluster
    }

    private mutating func intern(_ list: [UInt8]) -> Int {
        if let known = listIndex[list] { return known }
        guard lists.count < Self.listLimit else { return 1 }
        listIndex[list] = lists.count
        lists.append(list)
        listCounts.append(0)
        return lists.count - 1
    }

    /// Gives a derived name to the table of labels where another endpoint has it as its host name.
    private mutating func nameClashes() {
        var spelled: Set<IPAddress> = []
        for record in records where record.label.count > 1 {
            withBytes(record.label) { label in
                guard let address = IPAddress(dashed: label), AddressLabel(address).equals(label) else { return }
                spelled.insert(address)
            }
        }
        guard !spelled.isEmpty else { return }
        for (index, record) in records.enumerated() where record.label.isEmpty && spelled.contains(record.address) {
            records[index] = Record(
                address: record.address, label: AddressLabel(record.address).array, portList: record.portList)
        }
    }

    /// The list with the ports of all these lists.
    private mutating func union(_ indices: Set<Int>) -> Int {
        guard indices.count > 1 else { return indices.first ?? 1 }
        let ports = indices.sorted().flatMap { index in withBytes(lists[index]) { PortList(bytes: $0).ports } }
        return intern(PortList.encode(ports))
    }

    // MARK: - Writing

    private mutating func write(_ service: [UInt8]) -> [UInt8] {
        let isCluster = service[0] == ServiceKind.cluster.rawValue
        let addressLists = addressPortLists()
        let groups = groups()
        var octets: [UInt8] = [service[0], isCluster ? service[1] : 0, isCluster ? service[2] : 0, 0]
        octets.append(UInt32(v4.count))
        octets.append(UInt32(v6.count))
        octets.append(UInt32(groups.count))
        octets.append(UInt32(groups.prefix { records[$0.range.lowerBound].label.isEmpty }.count))
        octets.append(UInt16(lists.count))
        octets.append(UInt16(0))
        octets.append(UInt32(0))
        octets.append(UInt32(0))
        if isCluster { octets += service[3..<(3 + Int(service[1]) * 4 + Int(service[2]) * 16)] }
        for address in v4 { octets.append(address) }
        for address in v6 { octets.append(address) }
        if lists.count > 2 { for list in addressLists { octets.append(UInt16(truncatingIfNeeded: list)) } }
        octets.replace(at: 28, with: UInt32(octets.count))
        Self.append(lists, counts: listCounts, to: &octets)
        octets.replace(at: 24, with: UInt32(octets.count))
        writeGroups(groups, &octets)
        return octets
    }

    /// For each distinct address the list with all its ports; empty when all endpoints have the same.
    private mutating func addressPortLists() -> [Int] {
        guard lists.count > 2 else { return [] }
        var indices: [IPAddress: Set<Int>] = [:]
        for record in records { indices[record.address, default: []].insert(record.portList) }
        return (v4 + v6).map { union(indices[$0] ?? []) }
    }

    private struct Group {
        let range: Range<Int>
        let portList: Int
        let pairs: Int
        let references: [UInt32]
    }

    private mutating func groups() -> [Group] {
        var groups: [Group] = []
        var start = 0
        while start < records.count {
            let first = records[start]
            var end = start + 1
            while end < records.count, records[end].label == first.label,
                !first.label.isEmpty || records[end].reference == first.reference
            { end += 1 }
            let ownPairs = max(1, withBytes(lists[first.portList]) { PortList(bytes: $0).count })
            if end == start + 1 {
                // Nearly every endpoint of a large cluster: it needs no sets.
                groups.append(
                    Group(
                        range: start..<end, portList: first.portList, pairs: min(ownPairs, 0xFFFF),
                        references: [first.reference]))
                start = end
                continue
            }
            var pairs = 0
            var indices: Set<Int> = []
            var references: [UInt32] = []
            for record in records[start..<end] {
                pairs += max(1, withBytes(lists[record.portList]) { PortList(bytes: $0).count })
                indices.insert(record.portList)
                if references.last != record.reference { references.append(record.reference) }
            }
            groups.append(
                Group(
                    range: start..<end, portList: union(indices), pairs: min(pairs, 0xFFFF), references: references))
            start = end
        }
        return groups
    }

    /// Places (4) of all lists and of their end, then each as endpoint count (4) and ports.
    static func append(_ lists: [[UInt8]], counts: [UInt32], to octets: inout [UInt8]) {
        var place = octets.count + 4 * (lists.count + 1)
        for list in lists {
            octets.append(UInt32(place))
            place += 4 + list.count
        }
        octets.append(UInt32(place))
        for (list, count) in zip(lists, counts) {
            octets.append(count)
            octets += list
        }
    }

    /// Label's place (4), port list (2), pairs (2), address or place of addresses (4), address count (4) each.
    private func writeGroups(_ groups: [Group], _ octets: inout [UInt8]) {
        var rest: [UInt8] = []
        let end = octets.count + groups.count * ServiceEntry.groupLength
        for group in groups {
            let label = records[group.range.lowerBound].label
            octets.append(label.isEmpty ? UInt32(0) : UInt32(end + rest.count))
            if !label.isEmpty {
                rest.append(UInt8(label.count))
                rest += label
            }
            octets.append(UInt16(truncatingIfNeeded: group.portList))
            octets.append(UInt16(group.pairs))
            if group.references.count > 1 {
                octets.append(UInt32(end + rest.count))
                for reference in group.references { rest.append(reference) }
            } else {
                octets.append(group.references.first ?? 0)
            }
            octets.append(UInt32(group.references.count))
        }
        octets += rest
    }
}
