import DNSWire

/// A service whose endpoints have no names of their own and all the same ports: nearly every one of a large cluster.
///
/// `ServiceEncoder` would write the same octets, by way of a record for each endpoint.
struct PlainService {
    private let service: [UInt8]
    /// Every address as often as it is an endpoint's, ascending.
    private var v4: [UInt32] = []
    private var v6: [IPAddress] = []
    private var ports: [UInt8]?

    /// - Returns: nil when the service is another kind of thing.
    init?(service: [UInt8], slices: [[UInt8]]) {
        self.service = service
        for slice in slices {
            guard withBytes(slice, { read($0) }) else { return nil }
        }
        v4.sort()
        v6.sort()
    }

    /// False when one of the endpoints is not plain.
    private mutating func read(_ slice: ByteView) -> Bool {
        let ports = CompactObject.ports(of: slice)
        var place = 4 + ports.count
        guard place < slice.count else { return true }
        if let known = self.ports {
            guard withBytes(known, { $0.equals(ports) }) else { return false }
        } else {
            self.ports = ports.array
        }
        while let (address, label, _) = CompactObject.nextEndpoint(slice, &place) {
            guard label.count == 0 else { return false }
            if address.isIPv4 {
                v4.append(UInt32(truncatingIfNeeded: address.high >> 32))
            } else {
                v6.append(address)
            }
        }
        return true
    }

    /// As a `ServiceEntry`.
    func encoded() -> [UInt8] {
        let isCluster = service[0] == ServiceKind.cluster.rawValue
        let own = isCluster ? Int(service[1]) * 4 + Int(service[2]) * 16 : 0
        let ownPorts = isCluster ? Array(service[(3 + own)...]) : PortList.encode([])
        let lists = [ownPorts] + (ports.map { [$0] } ?? [])
        let (runs4, runs6) = (Self.runs(v4), Self.runs(v6))
        let groups = runs4.count + runs6.count
        let listPlace = ServiceEntry.headLength + own + 4 * runs4.count + 16 * runs6.count
        let groupPlace = listPlace + 4 * (lists.count + 1) + lists.reduce(0) { $0 + 4 + $1.count }
        var octets: [UInt8] = []
        octets.reserveCapacity(groupPlace + groups * ServiceEntry.groupLength)
        octets += [service[0], isCluster ? service[1] : 0, isCluster ? service[2] : 0, 0]
        for number in [runs4.count, runs6.count, groups, groups] { octets.append(UInt32(number)) }
        octets.append(UInt16(lists.count))
        octets.append(UInt16(0))
        octets.append(UInt32(groupPlace))
        octets.append(UInt32(listPlace))
        if isCluster { octets += service[3..<(3 + own)] }
        for run in runs4 { octets.append(run.value) }
        for run in runs6 { octets.append(run.value) }
        // No endpoint has the service's own ports.
        ServiceEncoder.append(lists, counts: [0, UInt32(v4.count + v6.count)], to: &octets)
        let pairs = ports.map { max(1, withBytes($0) { PortList(bytes: $0).count }) } ?? 1
        for (index, run) in runs4.enumerated() { Self.append(UInt32(index), run.count * pairs, to: &octets) }
        for (index, run) in runs6.enumerated() {
            Self.append(ServiceEntry.Reference.v6 | UInt32(index), run.count * pairs, to: &octets)
        }
        return octets
    }

    /// Each value once, with how often it stands there.
    private static func runs<Value: Equatable>(_ values: [Value]) -> [(value: Value, count: Int)] {
        var runs: [(value: Value, count: Int)] = []
        runs.reserveCapacity(values.count)
        for value in values {
            if runs.last?.value == value {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((value, 1))
            }
        }
        return runs
    }

    /// A name that is made from its address: no label, the endpoints' ports, as many pairs, one address.
    private static func append(_ reference: UInt32, _ pairs: Int, to octets: inout [UInt8]) {
        octets.append(ServiceEntry.groupLength) { room in
            room.store(UInt32(0), at: 0)
            room.store(UInt16(1), at: 4)
            room.store(UInt16(min(pairs, 0xFFFF)), at: 6)
            room.store(reference, at: 8)
            room.store(UInt32(1), at: 12)
        }
    }
}
