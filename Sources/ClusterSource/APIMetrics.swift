import KubernetesAPI
import Synchronization
import Telemetry

/// What requests to the API server cost, under the names and labels that CoreDNS has from client-go.
final class APIMetrics: Sendable {
    /// Prometheus' default buckets, in seconds.
    private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    private static let prefix = "coredns_kubernetes_rest_client_"

    private struct Instruments {
        var durations: [String: Histogram] = [:]
        var heldBack: [String: Histogram] = [:]
        var requests: [String: Counter] = [:]
    }

    private let registry: MetricRegistry
    private let host: String
    // Requests of several kinds end at the same time, and a histogram takes one writer.
    private let instruments = Mutex(Instruments())

    /// - Parameter endpoint: its host and port become the label `host`.
    init(_ registry: MetricRegistry, of endpoint: APIEndpoint) {
        self.registry = registry
        host = endpoint.host.contains(":") ? "[\(endpoint.host)]:\(endpoint.port)" : "\(endpoint.host):\(endpoint.port)"
    }

    func count(_ request: RequestReport) {
        let verb = request.verb.rawValue
        let code = request.status.map(String.init) ?? "<error>"
        instruments.withLock { instruments in
            let duration = histogram(
                &instruments.durations, "request_duration_seconds",
                "Request latency in seconds. Broken down by verb and host.", verb)
            duration.observe(Self.nanoseconds(request.lasted))
            let heldBack = histogram(
                &instruments.heldBack, "rate_limiter_duration_seconds",
                "Client side rate limiter latency in seconds. Broken down by verb and host.", verb)
            heldBack.observe(Self.nanoseconds(request.heldBack))
            let requests =
                instruments.requests[code + verb]
                ?? registry.counter(
                    Self.prefix + "requests_total",
                    "Number of HTTP requests, partitioned by status code, method, and host.",
                    [("code", code), ("host", host), ("method", verb)])
            instruments.requests[code + verb] = requests
            requests.add()
        }
    }

    private func histogram(
        _ known: inout [String: Histogram], _ name: String, _ help: String, _ verb: String
    ) -> Histogram {
        if let histogram = known[verb] { return histogram }
        let histogram = registry.histogram(
            Self.prefix + name, help, [("host", host), ("verb", verb)], bounds: Self.bounds, unitsPerOne: 1e9)
        known[verb] = histogram
        return histogram
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        return UInt64(max(0, min(seconds, 1 << 30))) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}
