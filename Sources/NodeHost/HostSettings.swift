package import DNSWire

/// What a node's network is to have for a name server of its own.
package struct HostSettings: Sendable, Equatable {
    package static let usualInterface = "nodelocaldns"
    package static let usualTable = "cluster-dns-node"
    /// More would only slow every packet of the node down.
    package static let mostAddresses = 16

    /// The interface that has the addresses; it is made where there is none.
    package var interface = usualInterface
    /// Where the name server is asked: addresses of the node's own, and those of a Service that it stands in for.
    package var addresses: [IPAddress]
    /// The table of nftables that is the program's own.
    package var table = usualTable
    /// Where the name server is asked, by UDP and TCP.
    package var port: UInt16 = 53
    /// Where the kubelet asks whether it is alive, by TCP; nil for nowhere.
    package var healthPort: UInt16? = 8080

    package init(addresses: [IPAddress]) { self.addresses = addresses }

    /// What is wrong with them, as place, finding and expectation; nil for nothing.
    package var problem: String? {
        if addresses.isEmpty || addresses.count > Self.mostAddresses {
            return "addresses: found \(addresses.count), expected 1 to \(Self.mostAddresses)"
        }
        // As the kernel has it: IFNAMSIZ is 16 with the zero at the end.
        let isName =
            !["", ".", ".."].contains(interface) && interface.utf8.count < 16
            && interface.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
        return isName ? nil : "interface: found \"\(interface)\", expected a name of 1 to 15 letters, digits and signs"
    }
}
