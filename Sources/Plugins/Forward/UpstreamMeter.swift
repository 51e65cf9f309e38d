import DNSWire
import EventLoop
import Telemetry

/// Counts what becomes of queries to upstreams on one loop, under the names of the plugin that sends them.
final class UpstreamMeter {
    enum Plugin: String {
        case forward
        case grpc
    }

    private let plugin: Plugin
    private let registry: MetricRegistry
    let mismatched: Counter
    let coalesced: Counter
    /// Nil for a plugin that never refuses because of it; and so is the next.
    let rejected: Counter?
    let allDown: Counter?
    private var durations: [Key: Histogram] = [:]
    private var counters: [String: Counter] = [:]

    private struct Key: Hashable {
        let upstream: ObjectIdentifier
        let code: UInt16
    }

    init(_ plugin: Plugin, _ registry: MetricRegistry) {
        self.plugin = plugin
        self.registry = registry
        mismatched = registry.counter(
            "coredns_\(plugin)_mismatched_replies_total",
            "Counter of messages from upstreams that answered no question.")
        coalesced = registry.counter(
            "coredns_\(plugin)_coalesced_total", "Counter of queries that waited for an equal question under way.")
        let isForward = plugin == .forward
        rejected =
            isForward
            ? registry.counter(
                "coredns_forward_max_concurrent_rejects_total",
                "Counter of the number of queries rejected because the concurrent queries were at maximum.") : nil
        allDown =
            isForward
            ? registry.counter(
                "coredns_forward_healthcheck_broken_total",
                "Counter of the number of complete failures of the healthchecks.") : nil
    }

    /// Notes how long a reply took, in nanoseconds.
    func observe(_ upstream: Upstream, _ code: ResponseCode, _ nanoseconds: UInt64) {
        switch plugin {
        case .forward: duration(upstream, code).observe(nanoseconds)
        case .grpc:
            duration(upstream, .noError).observe(nanoseconds)
            let help = "Counter of requests made per upstream."
            counter("coredns_grpc_requests_total", help, [("to", upstream.label)]).bump()
            counter(
                "coredns_grpc_responses_total", help, [("rcode", code.description), ("to", upstream.label)]
            ).bump()
        }
    }

    private func duration(_ upstream: Upstream, _ code: ResponseCode) -> Histogram {
        let key = Key(upstream: ObjectIdentifier(upstream), code: code.rawValue)
        if let known = durations[key] { return known }
        let name = plugin == .forward ? "coredns_proxy" : "coredns_grpc"
        let labels =
            plugin == .forward
            ? [("proxy_name", "forward"), ("to", upstream.label), ("rcode", code.description)]
            : [("to", upstream.label)]
        let histogram = registry.histogram(
            "\(name)_request_duration_seconds", "Histogram of the time each request took.", labels,
            bounds: Histogram.timeBounds, unitsPerOne: 1e9)
        durations[key] = histogram
        return histogram
    }

    func probeFailed(_ upstream: Upstream) {
        counter(
            "coredns_proxy_healthcheck_failures_total", "Counter of the number of failed healthchecks.",
            [("proxy_name", "forward"), ("to", upstream.label)]
        ).bump()
    }

    /// Counts queries for which a connection was there already, or was not; nil for a plugin that does not.
    func connections(_ upstream: Upstream, wereOpen: Bool) -> Counter? {
        guard plugin == .forward else { return nil }
        let (name, word) =
            wereOpen
            ? ("coredns_proxy_conn_cache_hits_total", "hits") : ("coredns_proxy_conn_cache_misses_total", "misses")
        return counter(
            name, "Counter of connection cache \(word) per upstream and protocol.",
            [("proxy_name", "forward"), ("to", upstream.label), ("proto", upstream.transport)])
    }

    /// One counter of each kind and label, made at first use since most never count anything.
    private func counter(_ name: String, _ help: String, _ labels: [(String, String)]) -> Counter {
        let key = name + labels.map(\.1).joined(separator: " ")
        if let counter = counters[key] { return counter }
        let counter = registry.counter(name, help, labels)
        counters[key] = counter
        return counter
    }
}
