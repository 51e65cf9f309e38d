import ZoneData

/// When a secondary asks its primaries, and until when it may answer (RFC 1034 §4.3.5).
///
/// Times are counted from any one moment.
struct RefreshSchedule: Sendable {
    /// The version that is known; nil before the first.
    private(set) var timers: ZoneTimers?
    /// When primaries are asked next.
    private(set) var next = Duration.zero
    /// Whether the known version was given up because no primary was heard.
    private(set) var hasExpired = false
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
        hasExpired = false
        next = now + Self.pause(timers.refresh)
    }

    /// No primary gave what it was asked for.
    mutating func failed(at now: Duration) {
        if let timers {
            next = now + Self.pause(timers.retry)
        } else {
            next = now + firstPause
            firstPause = min(firstPause * 2, Self.greatestFirstPause)
        }
    }

    /// Primaries are asked at once, whatever was planned.
    mutating func hurry() { next = .zero }

    /// When the known version must not be served any more unless a primary is heard; nil when there is none.
    ///
    /// An SOA that lets a zone expire before it is asked for twice would have it served never or now and then only.
    var expiry: Duration? {
        guard let timers, !hasExpired else { return nil }
        return lastSuccess + max(.seconds(timers.expire), Self.pause(timers.refresh) + Self.pause(timers.retry))
    }

    /// True once, when the known version must go.
    mutating func expires(at now: Duration) -> Bool {
        guard let expiry, now >= expiry else { return false }
        hasExpired = true
        return true
    }

    private static func pause(_ seconds: UInt32) -> Duration { .seconds(max(leastPause, seconds)) }
}
