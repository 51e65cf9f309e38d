import DNSWire

/// By what a service is reached from outside the cluster, in flat memory.
///
/// Octets: numbers of IPv4 and of IPv6 addresses (1 and 1), length of the host name (1), the addresses, the host name in
/// wire form, the service's ports as `PortList`. Nothing at all for a service that is not reached from outside.
struct ExternalEntry: BitwiseCopyable {
    private static let headLength = 3
    let bytes: ByteView

    private var v4Length: Int { Int(bytes.at(0) ?? 0) * 4 }
    private var v6Length: Int { Int(bytes.at(1) ?? 0) * 16 }
    private var hostLength: Int { Int(bytes.at(2) ?? 0) }

    func addresses(isIPv4: Bool) -> ByteView {
        isIPv4 ? bytes.slice(Self.headLength, v4Length) : bytes.slice(Self.headLength + v4Length, v6Length)
    }

    var addressCount: Int { v4Length / 4 + v6Length / 16 }

    /// The load balancer's name in wire form; empty for a service with addresses.
    var host: ByteView { bytes.slice(Self.headLength + v4Length + v6Length, hostLength) }

    var ports: PortList {
        PortList(bytes: bytes.suffix(from: Self.headLength + v4Length + v6Length + hostLength))
    }

    /// Every address once.
    var distinct: [IPAddress] {
        guard bytes.count > 0 else { return [] }
        return [true, false].flatMap { addresses(isIPv4: $0).addresses(isIPv4: $0) }
    }

    func contains(_ address: IPAddress) -> Bool { distinct.contains(address) }

    /// What the reverse table holds for each address of a service.
    static func mark(hash: UInt32) -> [UInt8] {
        var octets: [UInt8] = []
        octets.append(hash)
        return octets
    }

    /// Addresses win over host names: a name with a CNAME holds nothing else (RFC 1034 §3.6.2), and of several host
    /// names only the first can be that CNAME.
    static func encode(_ service: ServiceObject) -> [UInt8] {
        if case .externalName = service.addressing { return [] }
        var seen: Set<IPAddress> = []
        let addresses = service.external.compactMap { IPAddress($0) }.filter { seen.insert($0).inserted }
        let (v4, v6) = (addresses.filter(\.isIPv4).prefix(255), addresses.filter { !$0.isIPv4 }.prefix(255))
        let host = addresses.isEmpty ? service.external.lazy.compactMap(hostName).first ?? [] : []
        guard !addresses.isEmpty || !host.isEmpty else { return [] }
        var octets: [UInt8] = [UInt8(v4.count), UInt8(v6.count), UInt8(host.count)]
        for address in Array(v4) + Array(v6) { octets.append(address) }
        return octets + host + PortList.encode(service.ports.map { CompactPort($0) })
    }

    private static func hostName(_ text: String) -> [UInt8]? {
        guard !text.isEmpty, let wire = Name.wireKeepingCase(text), (2...255).contains(wire.count) else { return nil }
        return wire
    }
}
