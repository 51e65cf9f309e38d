/// The time that zones are refreshed and expire by; tests have one that they set.
struct ZoneClock: Sendable {
    /// Since any one moment, the same for all zones.
    let now: @Sendable () -> Duration
    /// Returns at that moment or earlier, or when the task is cancelled.
    let sleep: @Sendable (_ until: Duration) async -> Void

    private static let start = ContinuousClock.now

    static let real = ZoneClock(
        now: { ContinuousClock.now - start },
        sleep: { moment in
            // An SOA may name moments that are centuries away, which is more nanoseconds than the system counts.
            let end = min(start + moment, .now + .seconds(86400))
            try? await Task.sleep(until: end, clock: .continuous)
        })
}
