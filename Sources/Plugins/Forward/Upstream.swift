import DNSServer
import EventLoop
import Synchronization

/// One upstream as all loops see it: its address and how its last probes went.
final class Upstream: Sendable {
    let address: SocketAddress
    /// The `to` label of metrics, and how messages name it.
    let label: String
    private let failedProbes = Atomic<Int>(0)
    private let probing = Atomic<Bool>(false)

    init(_ address: SocketAddress) {
        self.address = address
        label = address.description
    }

    /// True when more probes in a row failed than `limit`; 0 means never.
    func isDown(limit: Int) -> Bool { limit > 0 && failedProbes.load(ordering: .relaxed) > limit }

    func probeFailed() { failedProbes.wrappingAdd(1, ordering: .relaxed) }

    /// True for the one caller that is to probe this upstream now.
    func beginProbing() -> Bool {
        probing.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
    }

    func endProbing(isHealthy: Bool) {
        if isHealthy { failedProbes.store(0, ordering: .relaxed) }
        probing.store(false, ordering: .relaxed)
    }

    /// Takes over what another object knew of the same upstream.
    func adopt(_ other: Upstream) {
        failedProbes.store(other.failedProbes.load(ordering: .relaxed), ordering: .relaxed)
    }
}
