import DNSWire

/// What a service's record names are made from.
enum ServiceKind: UInt8, BitwiseCopyable {
    case cluster = 0
    case headless = 1
    case externalName = 2
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

    /// Kind (1); for `cluster` two counts (1 each), addresses and ports; for `externalName` the target in wire form.
    static func encode(_ service: ServiceObject) -> [UInt8] {
        switch service.addressing {
        case .cluster(let addresses):
            var octets: [UInt8] = [ServiceKind.cluster.rawValue]
            let (v4, v6) = (distinct(addresses, isIPv4: true), distinct(addresses, isIPv4: false))
            octets += [UInt8(v4.count), UInt8(v6.count)]
            for address in v4 + v6 { octets.append(address) }
            return octets + PortList.encode(service.ports.map { CompactPort($0) })
        case .headless:
            return [ServiceKind.headless.rawValue]
        case .externalName(let name):
            guard IPAddress(name) == nil, let target = Name.wireKeepingCase(name), target.count <= 255 else {
                return [ServiceKind.unusable.rawValue]
            }
            return [ServiceKind.externalName.rawValue] + target
        }
    }

    private static func distinct(_ addresses: [IPAddress], isIPv4: Bool) -> [IPAddress] {
        var seen: Set<IPAddress> = []
        return Array(addresses.filter { $0.isIPv4 == isIPv4 && seen.insert($0).inserted }.prefix(255))
    }

    /// Without ports an import with addresses has no records (KEP-1645 leaves nothing to connect to).
    static func encode(imported service: ServiceObject) -> [UInt8] {
        service.addressing == .headless || !service.ports.isEmpty
            ? encode(service) : [ServiceKind.unusable.rawValue]
    }

    /// Service and namespace as for a Service of this cluster, and the label `svc`, which tells them apart.
    static func key(serviceImport name: String, namespace: String) -> [UInt8]? {
        key(service: name, namespace: namespace).map { $0 + [3] + Array("svc".utf8) }
    }

    /// As `encode` of a slice, with the cluster as the label of a first endpoint that has no address; nil when the
    /// cluster's name is no label.
    static func encode(imported slice: EndpointSliceObject, _ cluster: String, podNames: Bool) -> [UInt8]? {
        guard label(cluster) != nil else { return nil }
        var slice = slice
        slice.endpoints.insert(Endpoint(addresses: [IPAddress(v4: 0)], hostname: cluster), at: 0)
        return encode(slice, podNames: podNames)
    }

    /// A service's key for its endpoints of one topology zone: no name of a service itself is spelled so.
    ///
    /// - Parameter zone: labels in wire form.
    static func key(zone: [UInt8], of service: [UInt8]) -> [UInt8] { zone + [5] + Array("_zone".utf8) + service }

    /// The most octets of a zone's labels: with a service's they are a name then.
    static let longestZone = 120

    /// A topology zone as labels in wire form without a root; nil when it is no name.
    private static func zone(_ text: String) -> [UInt8]? {
        guard let wire = Name(text)?.wire.dropLast(), (1...longestZone).contains(wire.count) else { return nil }
        return Array(wire)
    }

    /// Length of the ports (4), ports; then for each address family and label length (1), address, label, and where the
    /// first octet has 0x40, length (1) and labels of its zone.
    static func encode(_ slice: EndpointSliceObject, podNames: Bool, zones: Bool = false) -> [UInt8] {
        let ports = PortList.encode(slice.ports.map { CompactPort($0) })
        var octets: [UInt8] = []
        let labels = slice.endpoints.reduce(0) { $0 + $1.hostname.utf8.count }
        octets.reserveCapacity(4 + ports.count + slice.endpoints.count * 8 + labels)
        octets.append(UInt32(ports.count))
        octets += ports
        for endpoint in slice.endpoints {
            let label = label(of: endpoint, podNames: podNames)
            let zone = zones ? zone(endpoint.zone) : nil
            for address in endpoint.addresses {
                octets.append((address.isIPv4 ? 0 : 0x80) | (zone == nil ? 0 : 0x40) | UInt8(label.count))
                octets.append(address)
                octets += label
                if let zone { octets += [UInt8(zone.count)] + zone }
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
    static func nextEndpoint(
        _ slice: ByteView, _ place: inout Int
    ) -> (address: IPAddress, label: ByteView, zone: ByteView)? {
        guard let head = slice.at(place) else { return nil }
        let isIPv4 = head & 0x80 == 0
        let address = slice.address(at: place + 1, isIPv4: isIPv4)
        let labelPlace = place + 1 + address.octetCount
        let label = slice.slice(labelPlace, Int(head & 0x3F))
        place = labelPlace + label.count
        guard head & 0x40 != 0 else { return (address, label, .empty) }
        let zone = slice.slice(place + 1, Int(slice[place]))
        place += 1 + zone.count
        return (address, label, zone)
    }

    static func ports(of slice: ByteView) -> ByteView { slice.slice(4, Int(slice.uint32(at: 0))) }
}
