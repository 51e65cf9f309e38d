package import DNSWire

/// A name by which clients reach this server: a service in front of it, or its endpoint of a headless one.
package struct NameServerName: Sendable, Equatable {
    /// Labels below `svc.zone` in wire form, without a root.
    package let labels: [UInt8]
    package let addresses: [IPAddress]
    /// By which the service is reached from outside; only kept for `k8s_external`.
    package let externalAddresses: [IPAddress]
}

extension ClusterView {
    /// The names of the services that have a ready endpoint with one of these addresses, each once.
    ///
    /// - Parameter limit: names given at most, so that NS records fit into a response.
    package func nameServers(behind addresses: [IPAddress], limit: Int = 13) -> [NameServerName] {
        var names: [NameServerName] = []
        for address in addresses {
            let hash = AddressTable.hash(address, seed: seed)
            let table = reverse(hash)
            var search = table.search(address, hash: hash)
            while let mark = table.next(&search).map(ReverseMark.init) {
                guard !mark.isClusterAddress else { continue }
                let services = services(mark.hash)
                var owners = services.search(mark.hash)
                while let owner = services.next(&owners) {
                    let entry = ServiceEntry(bytes: owner.payload)
                    guard entry.index(of: address) != nil, isVisible(owner) else { continue }
                    for name in self.names(of: entry, owner.key, mark.hash)
                    where names.count < limit && !names.contains(where: { $0.labels == name.labels }) {
                        names.append(name)
                    }
                }
            }
        }
        return names
    }

    private func names(of entry: ServiceEntry, _ key: ByteView, _ hash: UInt32) -> [NameServerName] {
        let outside = external(hash).find(key, hash: hash).map { ExternalEntry(bytes: $0).distinct } ?? []
        guard entry.kind == .headless else {
            let addresses = [true, false].flatMap { entry.clusterAddresses(isIPv4: $0).addresses(isIPv4: $0) }
            return [NameServerName(labels: key.array, addresses: addresses, externalAddresses: outside)]
        }
        return (0..<entry.groupCount).map { index in
            let group = entry.group(index)
            let addresses = (0..<group.addressCount).map { entry.address(of: entry.reference($0, of: group)) }
            let label = entry.label(of: group)?.array ?? AddressLabel(addresses.first ?? IPAddress(v4: 0)).array
            return NameServerName(
                labels: [UInt8(truncatingIfNeeded: label.count)] + label + key.array, addresses: addresses,
                externalAddresses: outside)
        }
    }
}
