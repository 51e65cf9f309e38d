import DNSWire

/// One service's records in flat memory, as `ServiceEncoder` writes them.
///
/// Octets, integers in network order: kind (1), numbers of cluster addresses (1 and 1), unused (1), numbers of distinct
/// endpoint addresses (4 and 4), of endpoint names (4) and of those derived from the address (4), of port lists (2),
/// unused (2), places of names (4) and of port lists (4). Then cluster addresses and sorted endpoint addresses, IPv4
/// first, and, when endpoints differ in ports, the port list of each address (2). An `externalName` holds its target instead.
struct ServiceEntry: BitwiseCopyable {
    static let headLength = 32
    static let groupLength = 16
    let bytes: ByteView
    /// Endpoint names are two labels in wire form, the endpoint's and its cluster's.
    var isImport = false

    var kind: ServiceKind { ServiceKind(rawValue: bytes[0]) ?? .unusable }
    /// The target of an ExternalName in wire form, letter case as written.
    var target: ByteView { bytes.suffix(from: 1) }

    private func number(_ place: Int) -> Int { Int(bytes.uint32(at: place)) }
    var groupCount: Int { number(12) }
    var derivedGroupCount: Int { number(16) }
    var hasEndpoints: Bool { groupCount > 0 }
    var portListCount: Int { Int(bytes.uint16(at: 20)) }

    // MARK: - Addresses

    func clusterAddresses(isIPv4: Bool) -> ByteView {
        isIPv4
            ? bytes.slice(Self.headLength, Int(bytes[1]) * 4)
            : bytes.slice(Self.headLength + Int(bytes[1]) * 4, Int(bytes[2]) * 16)
    }

    private var endpointPlace: Int { Self.headLength + Int(bytes[1]) * 4 + Int(bytes[2]) * 16 }

    /// Distinct addresses of ready endpoints in ascending order.
    func endpointAddresses(isIPv4: Bool) -> ByteView {
        isIPv4
            ? bytes.slice(endpointPlace, number(4) * 4)
            : bytes.slice(endpointPlace + number(4) * 4, number(8) * 16)
    }

    /// Which of the distinct endpoint addresses of its family this is.
    func index(of address: IPAddress) -> Int? {
        guard kind == .cluster || kind == .headless else { return nil }
        let addresses = endpointAddresses(isIPv4: address.isIPv4)
        let size = address.octetCount
        let all = 0..<(addresses.count / size)
        let index = all.end { addresses.address(at: $0 * size, isIPv4: address.isIPv4) < address }
        guard index < all.upperBound, addresses.address(at: index * size, isIPv4: address.isIPv4) == address else {
            return nil
        }
        return index
    }

    func hasClusterAddress(_ address: IPAddress) -> Bool {
        guard kind == .cluster else { return false }
        let addresses = clusterAddresses(isIPv4: address.isIPv4)
        let size = address.octetCount
        for place in stride(from: 0, to: addresses.count, by: size)
        where addresses.address(at: place, isIPv4: address.isIPv4) == address {
            return true
        }
        return false
    }

    // MARK: - Ports

    /// List 0 holds the service's own ports, the others those of endpoints.
    func portList(_ index: Int) -> PortList { PortList(bytes: portListOctets(index).suffix(from: 4)) }

    /// How many endpoints have exactly this list.
    func endpointCount(ofList index: Int) -> Int { Int(portListOctets(index).uint32(at: 0)) }

    private func portListOctets(_ index: Int) -> ByteView {
        let table = number(28)
        let (start, end) = (number(table + 4 * index), number(table + 4 * index + 4))
        return bytes.slice(start, end - start)
    }

    /// The list with all ports of the endpoints at an address.
    func portListIndex(ofAddress index: Int, isIPv4: Bool) -> Int {
        guard portListCount > 2 else { return 1 }
        let place = endpointPlace + number(4) * 4 + number(8) * 16
        return Int(bytes.uint16(at: place + 2 * (isIPv4 ? index : number(4) + index)))
    }

    /// True when a port of any endpoint is asked for.
    func endpointsHavePort(_ filter: PortFilter?) -> Bool {
        for index in 1..<max(portListCount, 1) where portList(index).matchCount(filter) > 0 { return true }
        return false
    }

    /// How many ports of endpoints share the weight of a headless service's SRV records.
    func pairs(_ filter: PortFilter?) -> Int {
        var pairs = 0
        for list in 1..<max(portListCount, 1) {
            pairs += endpointCount(ofList: list) * portList(list).matchCount(filter)
        }
        return pairs
    }

    // MARK: - Endpoint names

    /// The endpoints of one name.
    struct Group: BitwiseCopyable {
        /// The label's length octet; 0 when the name is derived from the only address.
        fileprivate let labelPlace: Int
        /// The list with the ports of all its endpoints.
        let portList: Int
        /// Endpoints times their ports.
        let pairs: Int
        fileprivate let reference: UInt32
        let addressCount: Int

        var isDerived: Bool { labelPlace == 0 }
    }

    /// An address by family and index, as groups refer to it.
    struct Reference: BitwiseCopyable {
        static let v6: UInt32 = 0x8000_0000
        let rawValue: UInt32
        var isIPv4: Bool { rawValue & Self.v6 == 0 }
        var index: Int { Int(rawValue & ~Self.v6) }
    }

    /// Groups come with derived names first, by address, then by label.
    func group(_ index: Int) -> Group {
        let place = number(24) + index * Self.groupLength
        return Group(
            labelPlace: number(place), portList: Int(bytes.uint16(at: place + 4)),
            pairs: Int(bytes.uint16(at: place + 6)), reference: bytes.uint32(at: place + 8),
            addressCount: number(place + 12))
    }

    func reference(_ index: Int, of group: Group) -> Reference {
        guard group.addressCount > 1 else { return Reference(rawValue: group.reference) }
        return Reference(rawValue: bytes.uint32(at: Int(group.reference) + 4 * index))
    }

    func octets(of reference: Reference) -> ByteView {
        let size = reference.isIPv4 ? 4 : 16
        return endpointAddresses(isIPv4: reference.isIPv4).slice(reference.index * size, size)
    }

    func address(of reference: Reference) -> IPAddress {
        octets(of: reference).address(at: 0, isIPv4: reference.isIPv4)
    }

    /// The label without its length octet, or both labels of an import in wire form; nil for derived names.
    func label(of group: Group) -> ByteView? {
        guard !group.isDerived else { return nil }
        return bytes.slice(group.labelPlace + 1, Int(bytes[group.labelPlace]))
    }

    /// The group of the name derived from an address.
    func derivedGroup(_ address: IPAddress) -> Int? {
        guard let index = index(of: address) else { return nil }
        let wanted = (address.isIPv4 ? 0 : Reference.v6) | UInt32(truncatingIfNeeded: index)
        let place = (0..<derivedGroupCount).end { group($0).reference < wanted }
        return place < derivedGroupCount && group(place).reference == wanted ? place : nil
    }

    /// The group with this folded label.
    func findGroup(_ label: ByteView) -> Int? {
        if let address = IPAddress(dashed: label), AddressLabel(address).equals(label),
            let index = derivedGroup(address)
        {
            return index
        }
        let place = (derivedGroupCount..<groupCount).end { self.label(of: group($0))?.precedes(label) == true }
        return place < groupCount && self.label(of: group(place))?.equals(label) == true ? place : nil
    }

    /// True for the cluster's label alone, below which an import's endpoints are (RFC 8020 §2).
    ///
    /// - Parameter label: wire form.
    func hasCluster(_ label: ByteView) -> Bool {
        guard isImport else { return false }
        for index in 0..<groupCount where self.label(of: group(index))?.hasSuffix(label) == true { return true }
        return false
    }

    /// True when one of the group's endpoints has this address.
    func contains(_ wanted: Reference, in group: Group) -> Bool {
        for index in 0..<group.addressCount where reference(index, of: group).rawValue == wanted.rawValue {
            return true
        }
        return false
    }
}

extension ServiceEntry {
    init(bytes: ByteView) { self.init(bytes: bytes, isImport: false) }
}

extension Range<Int> {
    /// Where the indices end for which `isBefore` holds, which are the first of the range: a binary search.
    func end(_ isBefore: (Int) -> Bool) -> Int {
        var (low, high) = (lowerBound, upperBound)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ByteView {
    /// True when the octets come before the other's in dictionary order.
    func precedes(_ other: ByteView) -> Bool {
        for index in 0..<min(count, other.count) where self[index] != other[index] {
            return self[index] < other[index]
        }
        return count < other.count
    }
}
