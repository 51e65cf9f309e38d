import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// What all upstream traffic of one `forward` plugin shares on one loop.
final class ForwardLoopSide {
    let loop: EventLoop
    private let inputBlock = ByteBlock(capacity: 65535)
    private let layoutBlock = ByteBlock(capacity: 65535)
    let mismatched: Counter
    let coalesced: Counter
    let rejected: Counter
    let allDown: Counter
    private let registry: MetricRegistry
    private var durations: [DurationKey: Histogram] = [:]
    private var counters: [String: Counter] = [:]
    private var pools: [SocketAddress: StreamPool] = [:]

    private struct DurationKey: Hashable {
        let upstream: SocketAddress
        let code: UInt16
    }

    init(loop: EventLoop, metrics: MetricRegistry) {
        self.loop = loop
        registry = metrics
        mismatched = metrics.counter(
            "coredns_forward_mismatched_replies_total", "Counter of messages from upstreams that answered no question.")
        coalesced = metrics.counter(
            "coredns_forward_coalesced_total", "Counter of queries that waited for an equal question under way.")
        rejected = metrics.counter(
            "coredns_forward_max_concurrent_rejects_total",
            "Counter of the number of queries rejected because the concurrent queries were at maximum.")
        allDown = metrics.counter(
            "coredns_forward_healthcheck_broken_total",
            "Counter of the number of complete failures of the healthchecks.")
    }

    /// Room for what a socket gives; its contents hold until the next read.
    var input: OutputBytes { inputBlock.bytes }
    /// Room in which replies are laid out.
    var layout: OutputBytes { layoutBlock.bytes }

    /// Notes how long a reply took, in nanoseconds.
    func observe(_ upstream: Upstream, _ code: ResponseCode, _ nanoseconds: UInt64) {
        let key = DurationKey(upstream: upstream.address, code: code.rawValue)
        if durations[key] == nil {
            durations[key] = registry.histogram(
                "coredns_proxy_request_duration_seconds", "Histogram of the time each request took.",
                [("proxy_name", "forward"), ("to", upstream.label), ("rcode", code.description)],
                bounds: Histogram.timeBounds, unitsPerOne: 1e9)
        }
        durations[key]?.observe(nanoseconds)
    }

    func probeFailed(_ upstream: Upstream) {
        counter(
            "coredns_proxy_healthcheck_failures_total", "Counter of the number of failed healthchecks.",
            [("proxy_name", "forward"), ("to", upstream.label)]
        ).bump()
    }

    /// Counts whether a connection was there already.
    func countConnection(_ upstream: Upstream, wasOpen: Bool) {
        let name = wasOpen ? "coredns_proxy_conn_cache_hits_total" : "coredns_proxy_conn_cache_misses_total"
        let help = "Counter of connection cache \(wasOpen ? "hits" : "misses") per upstream and protocol."
        counter(name, help, [("proxy_name", "forward"), ("to", upstream.label), ("proto", "tcp")]).bump()
    }

    /// One counter of each kind and label, made at first use since most never count anything.
    private func counter(_ name: String, _ help: String, _ labels: [(String, String)]) -> Counter {
        let key = name + labels.map(\.1).joined(separator: " ")
        if let counter = counters[key] { return counter }
        let counter = registry.counter(name, help, labels)
        counters[key] = counter
        return counter
    }

    /// The connections to one upstream.
    func pool(_ upstream: Upstream, _ settings: ForwardSettings) -> StreamPool {
        if let pool = pools[upstream.address] { return pool }
        let pool = StreamPool(upstream, settings, on: self)
        pools[upstream.address] = pool
        return pool
    }
}
