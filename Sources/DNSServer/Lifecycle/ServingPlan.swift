package import DNSWire
package import EventLoop

/// One server block, configured: its zones and the plugins that answer for them, in order.
package final class ServerBlock: Sendable {
    package let zones: [Name]
    package let addresses: [SocketAddress]
    package let plugins: [any Plugin]
    package let offersRecursion: Bool

    package init(zones: [Name], addresses: [SocketAddress], plugins: [any Plugin]) {
        self.zones = zones
        self.addresses = addresses
        self.plugins = plugins
        offersRecursion = plugins.contains { $0.offersRecursion }
    }
}

/// The whole validated configuration, immutable; a reload publishes the next one.
package final class ServingPlan: Sendable {
    package let blocks: [ServerBlock]

    package init(blocks: [ServerBlock]) { self.blocks = blocks }

    /// Every address to listen on, each once, in file order.
    package var addresses: [SocketAddress] {
        var seen: Set<SocketAddress> = []
        return blocks.flatMap(\.addresses).filter { seen.insert($0).inserted }
    }

    package var plugins: [any Plugin] { blocks.flatMap(\.plugins) }
}
