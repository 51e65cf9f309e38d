package import Corefile
package import DNSWire
package import EventLoop

/// One server block, configured: where it listens for which zones, and the plugins that answer, in order.
package final class ServerBlock: Sendable {
    package struct Listen: Hashable, Sendable {
        package let zone: Name
        package let address: SocketAddress
        /// What is spoken there.
        package let scheme: ServerScheme

        package init(zone: Name, address: SocketAddress, scheme: ServerScheme = .dns) {
            self.zone = zone
            self.address = address
            self.scheme = scheme
        }
    }

    package let listens: [Listen]
    package let plugins: [any Plugin]
    /// The name of the view that its questions must be in; empty without one.
    package let view: String
    package let offersRecursion: Bool
    let answersChaos: Bool

    package init(listens: [Listen], plugins: [any Plugin], view: String = "") {
        self.listens = listens
        self.view = view
        self.plugins = plugins
        offersRecursion = plugins.contains { $0.offersRecursion }
        answersChaos = plugins.contains { $0.answersChaos }
    }
}

extension ServerBlock {
    /// How long its clients over streams may take.
    var times: StreamTimes { plugins.lazy.compactMap { $0 as? any StreamTimeouts }.first?.times ?? StreamTimes() }
}

/// The whole validated configuration, immutable; a reload publishes the next one.
package final class ServingPlan: Sendable {
    package let blocks: [ServerBlock]
    /// A hash of what the configuration means, white space and comments aside.
    package let hash: String
    /// Where clients speak through TLS or HTTP, each place once, in file order.
    package let secureEndpoints: [SecureEndpoint]

    package init(blocks: [ServerBlock], hash: String = "", secureEndpoints: [SecureEndpoint] = []) {
        self.blocks = blocks
        self.hash = hash
        self.secureEndpoints = secureEndpoints
    }

    /// Every address to listen on over UDP and TCP, each once, in file order.
    package var addresses: [SocketAddress] {
        var seen: Set<SocketAddress> = []
        return blocks.flatMap { $0.listens.filter { $0.scheme == .dns }.map(\.address) }.filter {
            seen.insert($0).inserted
        }
    }

    /// Every scheme and address that blocks answer at.
    var places: Set<SecureEndpoint.Place> {
        Set(blocks.flatMap { $0.listens.map { SecureEndpoint.Place(scheme: $0.scheme, address: $0.address) } })
    }

    package var plugins: [any Plugin] { blocks.flatMap(\.plugins) }

    /// What the first block at an address that says something about changes says.
    func pushLimits(at address: SocketAddress) -> PushLimits {
        let blocks = blocks.filter { $0.listens.contains { $0.address == address } }
        return blocks.lazy.flatMap(\.plugins).compactMap { $0 as? any PushLimiting }.first?.limits ?? PushLimits()
    }

    /// What the first block at an address says about its streams.
    func times(at address: SocketAddress) -> StreamTimes {
        let block = blocks.first { $0.listens.contains { $0.address == address } }
        return block?.times ?? StreamTimes()
    }

    /// The block of this plan that `block` of a later one takes the place of: same zones, addresses and view.
    package func predecessor(of block: ServerBlock) -> ServerBlock? {
        blocks.first { $0.view == block.view && Set($0.listens) == Set(block.listens) }
    }
}
