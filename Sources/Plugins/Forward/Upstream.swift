import Corefile
import DNSServer
import DNSWire
import EventLoop
import Synchronization

/// One upstream as all loops see it: who it is and how its last probes went.
final class Upstream: Sendable {
    let target: UpstreamTarget
    /// The `to` label of metrics, and how messages name it.
    let label: String
    private let sessions: (any UpstreamSessions)?
    private let failedProbes = Atomic<Int>(0)
    private let probing = Atomic<Bool>(false)

    /// - Parameter sessions: how to speak with it, where that is not plain DNS.
    init(_ target: UpstreamTarget, _ sessions: (any UpstreamSessions)?) {
        self.target = target
        self.sessions = sessions
        label = target.label
    }

    var address: SocketAddress { target.address }

    /// The `proto` label of metrics for its connections, in CoreDNS' words.
    var transport: String {
        switch target.scheme {
        case .dns: "tcp"
        case .tls: "tcp-tls"
        default: target.scheme.rawValue
        }
    }

    /// What is spoken over one new connection to it.
    func session() -> any UpstreamSession {
        guard target.hasConnectionsOnly, let sessions else { return FramedSession() }
        return sessions.session(with: target)
    }

    /// What a query that waited on a connection failed of.
    func failure(_ end: UpstreamSessionEnd) -> AttemptFailure {
        let text = "\(end.isRejection ? "dial" : "read") \(transport) \(label): \(end.reason)"
        let error = ExtendedError(code: ExtendedError.networkError.code, text: end.isRejection ? Array(text.utf8) : nil)
        return AttemptFailure(text: text, error: error)
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
