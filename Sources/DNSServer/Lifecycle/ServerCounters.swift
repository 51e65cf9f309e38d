package import Telemetry

/// What the server itself counts on one loop, before and beside any plugin.
package final class ServerCounters {
    /// Datagrams and messages that were no queries, and queries a plugin left without response.
    let dropped: Counter
    /// Queries answered by the acceptance gate alone.
    let rejected: Counter
    /// Connections closed because too many were open.
    let shedConnections: Counter

    /// Datagrams dropped by the kernel.
    let queueDropped: Counter
    /// Clients that lose a part of their datagrams.
    let limitedClients: Gauge
    let push: PushCounters

    package init(_ metrics: MetricRegistry) {
        push = PushCounters(metrics)
        dropped = metrics.counter("coredns_dns_dropped_total", "Counter of messages left without a response.")
        rejected = metrics.counter(
            "coredns_dns_rejected_total", "Counter of messages answered with an error before any plugin saw them.")
        shedConnections = metrics.counter(
            "coredns_dns_shed_connections_total", "Counter of TCP connections closed because too many were open.")
        queueDropped = metrics.counter(
            "coredns_dns_queue_dropped_total",
            "Counter of datagrams dropped unread: a socket's queue was full, or their client had more than its share.")
        limitedClients = metrics.gauge(
            "coredns_dns_limited_clients", "Clients that ask more than their share of a flooded socket.")
    }
}

/// Limits of TCP connections (RFC 7766 §6.2, RFC 9210 §4).
package struct StreamLimits: Sendable {
    /// Open connections of one loop.
    package var connections = 4096
    /// Open connections of one client address on one loop.
    package var connectionsPerClient = 256
    /// Queries of one connection under way at once.
    package var pipelined = 64
    /// Queries of one connection; it ends with the last of them.
    package var queries = Int.max
    /// Nanoseconds between messages.
    package var idle: UInt64 = 10_000_000_000
    /// Nanoseconds from the first octet of a message to its last.
    package var message: UInt64 = 2_000_000_000
    /// Nanoseconds a client may leave responses unread.
    package var write: UInt64 = 5_000_000_000
    /// Octets of responses held for one connection.
    package var unsent = 128 * 1024
    /// Answers of several messages under way on one loop: each may keep an old snapshot in memory.
    package var streamedAnswers = 8
    /// Nanoseconds for one of them.
    package var streamedAnswer: UInt64 = 300_000_000_000
    /// Octets of it that a client takes within `write` at least.
    package var streamedOctets = 16 * 1024

    package init() {}
}
