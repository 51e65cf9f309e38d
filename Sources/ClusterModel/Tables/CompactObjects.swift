import DNSWire

/// What a service's record names are made from.
enum ServiceKind: UInt8, BitwiseCopyable {
    case cluster = 0
    case headless = 1
    case alias = 2
    /// An ExternalName that is an address or no name: nothing can be answered for it.
    case unusable = 3
}

/// Objects as the writer keeps them: flat octets of exactly what decides answers, so equal octets mean no change.
enum CompactObject {
    /// Service and namespace as wire labels without a root; nil when either is no label.
    static func key(service: String, namespace: String) -> [UInt8]? {
        guard let first = label(service), let second = label(namespace) else { return nil }
        return first + second
    }

    /// Length octet and folded octets; nil when empty or over 63 octets.
    static func label(_ text: String) -> [UInt8]? {
        guard (1...63).contains(text.utf8.count) else { return nil }
        return [UInt8(text.utf8.count)] + text.utf8.map(folded)
    }

    /// Kind (1); for `cluster` two counts (1 each), addresses and ports; for `alias` the target in wire form.
    static func encode(_ service: ServiceObject) -> [UInt8] {
        switch service.addressing {
        case .cluster(let addresses):
            var octets: [UInt8] = [ServiceKind.cluster.rawValue]
            let (v4, v6) = (distinct(addresses, isIPv4: true), distinct(addresses, isIPv4: false))
            octets += [UInt8(v4.count), UInt8(v6.count)]
            for address in v4 + v6 { octets.append(address) }
            return octets
                + PortList.encode(
                    service.ports.map { CompactPort(name: $0.name, transport: $0.transport, number: $0.number) })
        case .headless:
            return [ServiceKind.headless.rawValue]
        case .externalName(let name):
            guard IPAddress(name) == nil, let target = Name.wireKeepingCase(name), target.count <= 255 else {
                return [ServiceKind.unusable.rawValue]
            }
            return [ServiceKind.alias.rawValue] + target
        }
    }

    private static func distinct(_ addresses: [IPAddress], isIPv4: Bool) -> [IPAddress] {
        var seen: Set<IPAddress> = []
        return Array(addresses.filter { $0.isIPv4 == isIPv4 && seen.insert($0).inserted }.prefix(255))
    }

    /// Length of the ports (4), ports; then for each address family and label length (1), address, label.
    static func encode(_ slice: EndpointSliceObject, podNames: Bool) -> [UInt8] {
        let ports = PortList.encode(
            slice.ports.map { CompactPort(name: $0.name, transport: $0.transport, number: $0.number) })
        var octets: [UInt8] = []
        let labels = slice.endpoints.reduce(0) { $0 + $1.hostname.utf8.count }
        octets.reserveCapacity(4 + ports.count + slice.endpoints.count * 8 + labels)
        octets.append(UInt32(ports.count))
        octets += ports
        for endpoint in slice.endpoints {
            let label = label(of: endpoint, podNames: podNames)
            for address in endpoint.addresses {
                octets.append((address.isIPv4 ? 0 : 0x80) | UInt8(label.count))
                octets.append(address)
                octets += label
            }
        }
        return Array(octets[...])
    }

    /// The endpoint's own name; empty when it is named after its address.
    private static func label(of endpoint: Endpoint, podNames: Bool) -> [UInt8] {
        if (1...63).contains(endpoint.hostname.utf8.count) { return endpoint.hostname.utf8.map(folded) }
        // A pod name may hold dots, and then is not one label.
        guard podNames, (1...63).contains(endpoint.podName.utf8.count), !endpoint.podName.utf8.contains(0x2E) else {
            return []
        }
        return endpoint.podName.utf8.map(folded)
    }

    /// Reads back one endpoint of a slice; nil behind the last.
    static func nextEndpoint(_ slice: ByteView, _ place: inout Int) -> (address: IPAddress, label: ByteView)? {
        guard let head = slice.at(place) else { return nil }
        let isIPv4 = head & 0x80 == 0
        let address = slice.address(at: place + 1, isIPv4: isIPv4)
        let labelPlace = place + 1 + address.octetCount
        place = labelPlace + Int(head & 0x3F)
        return (address, slice.slice(labelPlace, Int(head & 0x3F)))
    }

    static func ports(of slice: ByteView) -> ByteView { slice.slice(4, Int(slice.uint32(at: 0))) }
}
