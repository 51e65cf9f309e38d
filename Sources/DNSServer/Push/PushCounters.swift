import Telemetry

/// What one loop counts of sessions and subscriptions.
final class PushCounters {
    let sessions: Gauge
    let subscriptions: Gauge
    let names: Gauge
    let notifications: Counter
    let slow: Counter
    private let metrics: MetricRegistry
    private var refusals: [String: Counter] = [:]

    init(_ metrics: MetricRegistry) {
        self.metrics = metrics
        sessions = metrics.gauge("coredns_push_sessions", "DSO sessions that are open (RFC 8490).")
        subscriptions = metrics.gauge("coredns_push_subscriptions", "Subscriptions to names (RFC 8765).")
        names = metrics.gauge("coredns_push_names", "Names and types that somebody is subscribed to.")
        notifications = metrics.counter(
            "coredns_push_notifications_total", "Counter of PUSH messages, each for one name and one client.")
        slow = metrics.counter(
            "coredns_push_slow_clients_total", "Counter of connections closed because their client did not read.")
    }

    /// Counts a request that was refused.
    func countRefusal(_ reason: String) {
        let counter =
            refusals[reason]
            ?? metrics.counter(
                "coredns_push_refused_total", "Counter of subscriptions that were refused.", [("reason", reason)])
        refusals[reason] = counter
        counter.add()
    }
}
