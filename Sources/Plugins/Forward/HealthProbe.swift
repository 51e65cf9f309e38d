import DNSServer
import DNSWire
import EventLoop

/// Asks an upstream that failed once, again and again until it replies.
final class HealthProbe: AttemptOwner, TimerTarget {
    private let upstream: Upstream
    private let entry: ForwardEntry
    private let loopSide: ForwardLoopSide
    private var startedAt: UInt64 = 0

    /// Nanoseconds to wait for a reply, as CoreDNS does.
    private static let timeout: UInt64 = 1_000_000_000

    private init(_ upstream: Upstream, _ entry: ForwardEntry, on loopSide: ForwardLoopSide) {
        self.upstream = upstream
        self.entry = entry
        self.loopSide = loopSide
    }

    /// Begins to probe unless some loop does already.
    static func begin(_ upstream: Upstream, _ entry: ForwardEntry, on loopSide: ForwardLoopSide) {
        guard entry.settings.maximumFailures > 0, !entry.isStopped, upstream.beginProbing() else { return }
        HealthProbe(upstream, entry, on: loopSide).timerFired(0)
    }

    func timerFired(_ token: UInt64) {
        guard !entry.isStopped else { return upstream.endProbing(isHealthy: false) }
        startedAt = loopSide.loop.now
        let settings = entry.settings
        let query = withBytes(settings.probeName.wire) { name in
            UpstreamQuery(
                name: name, type: .ns, class: RecordClass.internet, recursionDesired: settings.probeAsksRecursion)
        }
        let attempt: any Attempt =
            settings.forcesTCP || upstream.target.hasConnectionsOnly
            ? StreamAttempt(
                upstream, query, edns: false, pool: loopSide.pool(upstream, settings), on: loopSide, owner: self)
            : DatagramAttempt(upstream, query, edns: false, on: loopSide, owner: self)
        attempt.start(timeout: Self.timeout)
    }

    func attemptEnded(_ outcome: AttemptOutcome) {
        guard case .failed(let failure) = outcome, failure.blamesUpstream else {
            return upstream.endProbing(isHealthy: true)
        }
        upstream.probeFailed()
        loopSide.meter.probeFailed(upstream)
        let elapsed = loopSide.loop.now &- startedAt
        let interval = entry.settings.probeInterval
        loopSide.loop.schedule(after: elapsed < interval ? interval - elapsed : 0, self, token: 0)
    }
}
