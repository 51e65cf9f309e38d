package import ClusterModel
import DNSWire

// A cluster as a test writes it down: `service("shop/web", "10.96.0.10")`.

package func namespace(_ name: String) -> ClusterObject { .namespace(NamespaceObject(name: name)) }

private func key(_ path: String) -> ObjectKey {
    let parts = path.split(separator: "/")
    return ObjectKey(namespace: String(parts[0]), name: String(parts[1]))
}

/// - Parameter ports: `name/TCP/80`, or `TCP/80` without a name.
private func portParts(_ text: String) -> (name: String, transport: String, number: UInt16?) {
    let parts = text.split(separator: "/").map(String.init)
    return (parts.count > 2 ? parts[0] : "", parts[parts.count - 2], UInt16(parts[parts.count - 1]))
}

package func service(_ path: String, _ addresses: [String], ports: [String] = []) -> ClusterObject {
    .service(
        ServiceObject(
            key: key(path), addressing: .cluster(addresses.compactMap { IPAddress($0) }), ports: servicePorts(ports)))
}

package func service(_ path: String, _ addresses: String...) -> ClusterObject { service(path, addresses) }

package func headless(_ path: String, ports: [String] = []) -> ClusterObject {
    .service(ServiceObject(key: key(path), addressing: .headless, ports: servicePorts(ports)))
}

package func externalName(_ path: String, _ target: String) -> ClusterObject {
    .service(ServiceObject(key: key(path), addressing: .externalName(target)))
}

private func servicePorts(_ ports: [String]) -> [ObjectPort] {
    ports.map(portParts).map { ObjectPort(name: $0.name, transport: $0.transport, number: $0.number ?? 0) }
}

/// - Parameter endpoints: `10.0.0.1`, or `web-0=10.0.0.1` for one with a host name.
package func slice(
    _ path: String, of service: String, ports: [String] = [], _ endpoints: [String], trigger: Double? = nil
) -> ClusterObject {
    let endpoints = endpoints.map { text in
        let parts = text.split(separator: "=").map(String.init)
        return Endpoint(
            addresses: [IPAddress(parts[parts.count - 1])].compactMap(\.self),
            hostname: parts.count > 1 ? parts[0] : "")
    }
    return slice(path, of: service, ports: ports, endpoints, trigger: trigger)
}

package func slice(
    _ path: String, of service: String, ports: [String] = [], _ endpoints: [Endpoint], trigger: Double? = nil
) -> ClusterObject {
    let ports = ports.map(portParts).map { ObjectPort(name: $0.name, transport: $0.transport, number: $0.number) }
    return .endpointSlice(
        EndpointSliceObject(
            key: key(path), service: service, ports: ports, endpoints: endpoints, lastChangeTrigger: trigger))
}

/// - Parameter addresses: nil for a headless one.
package func serviceImport(_ path: String, _ addresses: [String]?, ports: [String] = []) -> ClusterObject {
    .serviceImport(
        ServiceObject(
            key: key(path), addressing: addresses.map { .cluster($0.compactMap { IPAddress($0) }) } ?? .headless,
            ports: servicePorts(ports)))
}

/// A slice that another cluster exports.
package func slice(
    _ path: String, ofImport service: String, from cluster: String, ports: [String] = [], _ endpoints: [String]
) -> ClusterObject {
    guard case .endpointSlice(var object) = slice(path, of: "", ports: ports, endpoints) else {
        return namespace("none")
    }
    object.origin = ImportOrigin(service: service, cluster: cluster)
    return .endpointSlice(object)
}

package func pod(
    _ path: String, _ addresses: [String], usesHostNetwork: Bool = false, labels: [String: String] = [:]
) -> ClusterObject {
    .pod(
        PodObject(
            key: key(path), addresses: addresses.compactMap { IPAddress($0) }, usesHostNetwork: usesHostNetwork,
            labels: labels))
}

package func pod(
    _ path: String, _ address: String, usesHostNetwork: Bool = false, labels: [String: String] = [:]
) -> ClusterObject {
    pod(path, [address], usesHostNetwork: usesHostNetwork, labels: labels)
}
