import Corefile
package import DNSServer
import Synchronization
package import Telemetry

/// What the connections of one place share: the way into the loops, limits and counters.
package final class Entrance: Sendable {
    let place: SecureEndpoint.Place
    let shedConnections: Counter
    private let currentLimits: Mutex<SecureLimits>
    /// Has queries answered, in the order in which they are ready.
    let post: @Sendable ([TransportQuery]) -> Void
    /// Begins a session in which clients are told of changes; nil where there is nobody to tell them.
    let openSession: OpenSession
    private let metrics: MetricRegistry
    /// Responses by HTTP status.
    private let responses = Mutex<[UInt: Counter]>([:])

    package typealias OpenSession =
        @Sendable (SecureEndpoint.Address, @escaping @Sendable (TransportSession.Told) -> Void) -> TransportSession?

    package init(
        place: SecureEndpoint.Place, metrics: MetricRegistry, limits: SecureLimits,
        openSession: @escaping OpenSession = { _, _ in nil }, post: @escaping @Sendable ([TransportQuery]) -> Void
    ) {
        self.place = place
        self.openSession = openSession
        self.post = post
        self.metrics = metrics
        currentLimits = Mutex(limits)
        shedConnections = metrics.counter(
            "coredns_dns_shed_connections_total", "Counter of TCP connections closed because too many were open.")
    }

    /// A reload may change them; connections that are open keep what they began with.
    var limits: SecureLimits {
        get { currentLimits.withLock { $0 } }
        set { currentLimits.withLock { $0 = newValue } }
    }

    /// A message to be answered; `answered` is called on the thread of a loop.
    func query(
        _ message: [UInt8], from client: Client, takesStreams: Bool = false,
        answered: @escaping @Sendable (TransportAnswer) -> Void
    ) -> TransportQuery {
        var taker = answered
        if client.isEncrypted, ResponsePadding.isWanted(by: message) { taker = { answered(Self.padded($0)) } }
        return TransportQuery(
            message: message, client: client.address, place: place, takesStreams: takesStreams, answered: taker)
    }

    private static func padded(_ answer: TransportAnswer) -> TransportAnswer {
        guard case .response(let response) = answer else { return answer }
        return .response(ResponsePadding.padded(response))
    }

    func countResponse(status: UInt) {
        guard place.scheme == .https else { return }
        let counter = responses.withLock { responses in
            if let known = responses[status] { return known }
            let counter = metrics.counter(
                "coredns_dns_https_responses_total", "Counter of DoH responses per server and http status code.",
                [("server", place.label), ("status", String(status))])
            responses[status] = counter
            return counter
        }
        counter.add()
    }
}
