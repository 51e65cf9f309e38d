/// How often, and how many at once, an API server is asked.
package struct RequestPace: Sendable, Hashable {
    /// Requests a second in the long run; nil for no limit.
    package var perSecond: Double?
    /// Requests that may be sent at once after a pause; without a wish as client-go.
    package var burst = 10
    /// Requests under way at once; nil for no limit. A watch counts until it is open.
    package var inFlight: Int?

    package init(perSecond: Double? = nil, burst: Int = 10, inFlight: Int? = nil) {
        self.perSecond = perSecond
        self.burst = burst
        self.inFlight = inFlight
    }
}

/// Lets `burst` requests through at once and then `perSecond` each second.
struct TokenBucket {
    private let perSecond: Double
    private let burst: Double
    /// Below zero: so many requests have been promised a place in the future.
    private var tokens: Double
    private var filledAt: ContinuousClock.Instant

    init(perSecond: Double, burst: Int, at now: ContinuousClock.Instant) {
        self.perSecond = max(perSecond, 0.001)
        self.burst = Double(max(burst, 1))
        tokens = self.burst
        filledAt = now
    }

    /// Takes one token.
    ///
    /// - Returns: how long to wait for it.
    mutating func take(at now: ContinuousClock.Instant) -> Duration {
        let passed = now - filledAt
        filledAt = now
        let seconds = Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
        tokens = min(burst, tokens + max(seconds, 0) * perSecond) - 1
        return tokens >= 0 ? .zero : .seconds(-tokens / perSecond)
    }
}
