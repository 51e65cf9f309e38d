/// Decides who leads by a lease, as client-go's leaderelection does: another's lease counts from when *we* saw it
/// change, so that clocks need not agree.
///
/// Pure: the driver reads and writes the lease and tells how it went.
package struct LeaseMachine: Sendable {
    /// client-go's defaults.
    package struct Timing: Sendable, Equatable {
        /// How long others wait after the last renewal they saw, but for half a retry period.
        package var lease = Duration.seconds(15)
        /// How long the leader tries to renew before it stops leading; less than `lease`.
        package var renewDeadline = Duration.seconds(10)
        /// Between two tries.
        package var retryPeriod = Duration.seconds(2)

        package init() {}

        /// What is wrong with these times; nil when they are sound.
        package var fault: String? {
            if retryPeriod <= .zero { return "the retry period must be above 0" }
            if renewDeadline <= retryPeriod * 1.2 {
                return "the renew deadline must be above 1.2 times the retry period"
            }
            return lease > renewDeadline ? nil : "the lease duration must be above the renew deadline"
        }
    }

    package enum Step: Equatable, Sendable {
        /// Somebody else leads.
        case wait(for: String)
        /// Take or renew the lease by writing this.
        case write(LeaseRecord)
    }

    private let identity: String
    private let timing: Timing
    private var seen: LeaseRecord?
    private var seenAt: ContinuousClock.Instant?
    /// When the lease was last ours for certain.
    private var heldAt: ContinuousClock.Instant?

    package init(identity: String, timing: Timing) {
        self.identity = identity
        self.timing = timing
    }

    /// Until when we may act; nil when somebody else leads, or nobody.
    package var leadsUntil: ContinuousClock.Instant? { heldAt.map { $0 + timing.renewDeadline } }

    /// Whether we may act at `now`.
    package func leads(at now: ContinuousClock.Instant) -> Bool { leadsUntil.map { now < $0 } ?? false }

    /// When another's lease runs out unless it is renewed; nil when nobody else holds it.
    package var expires: ContinuousClock.Instant? {
        guard let seen, let seenAt, !seen.holder.isEmpty, seen.holder != identity else { return nil }
        // A leader has stopped by its renew deadline, so half a period sooner takes nothing from it, and the lease has
        // moved when its time is over.
        return seenAt + max(timing.renewDeadline, .seconds(seen.seconds) - timing.retryPeriod / 2)
    }

    /// Who leads as far as is known; empty when nobody does.
    package var holder: String { seen?.holder ?? "" }

    /// The lease was read; nil when there is none.
    ///
    /// - Parameter clock: seconds since 1970, to be written.
    package mutating func read(_ record: LeaseRecord?, at now: ContinuousClock.Instant, clock: Double) -> Step {
        guard let record else {
            (seen, heldAt) = (nil, nil)
            return .write(mine(acquired: clock, renewed: clock, transitions: 0, over: nil))
        }
        note(record, at: now)
        if record.holder == identity {
            return .write(
                mine(acquired: record.acquired, renewed: clock, transitions: record.transitions, over: record))
        }
        heldAt = nil
        if let expires, now < expires { return .wait(for: record.holder) }
        let transitions = record.transitions == Int(Int32.max) ? 0 : record.transitions + 1
        return .write(mine(acquired: clock, renewed: clock, transitions: transitions, over: record))
    }

    /// The leader's next write without reading first; nil when it does not lead.
    package func renewal(at now: ContinuousClock.Instant, clock: Double) -> LeaseRecord? {
        guard leads(at: now), let seen, seen.holder == identity else { return nil }
        return mine(acquired: seen.acquired, renewed: clock, transitions: seen.transitions, over: seen)
    }

    /// The lease was written as this.
    ///
    /// - Parameter started: when the request was sent: others may count from then.
    package mutating func wrote(_ record: LeaseRecord, started: ContinuousClock.Instant) {
        note(record, at: started)
        heldAt = record.holder == identity ? started : nil
    }

    /// What hands the lease over at once; nil when `record`, read just now, is not ours.
    package func release(_ record: LeaseRecord?, clock: Double) -> LeaseRecord? {
        guard var record, record.holder == identity else { return nil }
        (record.holder, record.seconds, record.acquired, record.renewed) = ("", 1, clock, clock)
        return record
    }

    private mutating func note(_ record: LeaseRecord, at now: ContinuousClock.Instant) {
        if !record.isSame(as: seen) { seenAt = now }
        seen = record
    }

    private func mine(acquired: Double, renewed: Double, transitions: Int, over old: LeaseRecord?) -> LeaseRecord {
        var record = old ?? LeaseRecord(holder: "", seconds: 0, acquired: 0, renewed: 0, transitions: 0)
        record.holder = identity
        record.seconds = Int(max(1, timing.lease.components.seconds))
        (record.acquired, record.renewed, record.transitions) = (acquired, renewed, transitions)
        return record
    }
}
