import Synchronization
package import Telemetry

/// When a server was last heard of each of several things.
package final class LastHeard<Kind: Hashable & Sendable>: Sendable {
    private let times = Mutex<[Kind: ContinuousClock.Instant]>([:])

    package init() {}

    package func heard(_ kind: Kind, at now: ContinuousClock.Instant = .now) { times.withLock { $0[kind] = now } }

    /// Of the kind that was not heard for longest; nil before anything was heard.
    package func age(at now: ContinuousClock.Instant = .now) -> Duration? {
        times.withLock { $0.values.min() }.map { now - $0 }
    }

    /// Of one kind; nil before it was heard.
    package func age(of kind: Kind, at now: ContinuousClock.Instant = .now) -> Duration? {
        times.withLock { $0[kind] }.map { now - $0 }
    }

    /// Shows the age in seconds as a metric, -1 before the first time, for as long as this is held.
    package func show(_ name: String, _ help: String, in metrics: MetricRegistry) {
        metrics.reading(name, help, of: self) {
            $0.age().map { Double($0.components.seconds) + Double($0.components.attoseconds) * 1e-18 } ?? -1
        }
    }
}
