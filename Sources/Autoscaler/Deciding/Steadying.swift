/// Holds back lowering: at most one step down in `delay`, and only to the most that was wanted during it.
///
/// A step is one change to a lower number of replicas. Raising is never held back.
package struct Steadying: Sendable {
    private struct Wanted {
        var at: ContinuousClock.Instant
        var replicas: Int
    }

    private let delay: Duration
    /// Decisions of the last `delay`, each larger than all after it: the first is the most that was wanted.
    private var recent: [Wanted] = []
    /// When lowering is allowed at the earliest.
    private var allowedFrom: ContinuousClock.Instant

    /// - Parameters:
    ///   - delay: zero lets everything through at once, as the reference does.
    ///   - now: what was wanted before is not known, so that nothing is lowered within the first `delay`.
    package init(delay: Duration, at now: ContinuousClock.Instant) {
        self.delay = delay
        allowedFrom = now + delay
    }

    /// The replicas to set at `now`, when the target has `current` and the rule says `wanted`.
    package mutating func settle(_ wanted: Int, current: Int, at now: ContinuousClock.Instant) -> Int {
        guard delay > .zero else { return wanted }
        recent.removeAll { $0.replicas <= wanted }
        recent.append(Wanted(at: now, replicas: wanted))
        recent.removeAll { [delay] in now - $0.at > delay }
        guard wanted < current else { return wanted }
        let lowest = min(current, recent.first?.replicas ?? wanted)
        return now >= allowedFrom ? lowest : current
    }

    /// The target's replicas were lowered at `now`.
    package mutating func lowered(at now: ContinuousClock.Instant) { allowedFrom = now + delay }
}
