import ZoneData

/// When a secondary asks its primaries, and until when it may answer (RFC 1034 §4.3.5).
///
/// Times are counted from any one moment.
struct RefreshSchedule {
    /// The version that is served; nil before the first.
    private(set) var timers: ZoneTimers?
    /// When primaries are asked next.
    private(set) var next = Duration.zero
    private var lastSuccess = Duration.zero
    private var firstPause = Self.leastFirstPause

    private static let leastFirstPause = Duration.milliseconds(250)
    private static let greatestFirstPause = Duration.seconds(10)
    /// Whatever the SOA says, primaries are not asked more often.
    private static let leastPause: UInt32 = 1

    /// A primary has said that `timers` are those of its version, and that is served.
    mutating func succeeded(at now: Duration, _ timers: ZoneTimers) {
        self.timers = timers
        lastSuccess = now
        next = now + .seconds(max(Self.leastPause, timers.refresh))
    }

    /// No primary gave what it was asked for.
    mutating func failed(at now: Duration) {
        if let timers {
            next = now + .seconds(max(Self.leastPause, timers.retry))
            if !isExpired(at: now) { next = min(next, expiry) }
        } else {
            next = now + firstPause
            firstPause = min(firstPause * 2, Self.greatestFirstPause)
        }
    }

    /// True when no primary was heard for so long that the data must not be served any more.
    func isExpired(at now: Duration) -> Bool { timers != nil && now >= expiry }

    private var expiry: Duration { lastSuccess + .seconds(timers?.expire ?? 0) }
}
