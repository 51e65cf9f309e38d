import Text

/// Growing waits between failures (client-go's reflector): 0.8 s, doubled to 30 s, each stretched by up to twice, and
/// starting over after two minutes without failure.
struct Backoff {
    static let first = Duration.milliseconds(800)
    static let cap = Duration.seconds(30)
    static let rest = Duration.seconds(120)

    private var step = Self.first
    /// When the wait after the last failure is over.
    private var busyUntil: ContinuousClock.Instant?
    private var dice: SeededRandom

    init(seed: UInt64) { dice = SeededRandom(seed: seed) }

    /// Whether the last failure is so long ago that it does not count.
    func isRested(at now: ContinuousClock.Instant) -> Bool {
        busyUntil.map { now - $0 >= Self.rest } ?? true
    }

    /// The wait after a failure at `now`.
    mutating func next(at now: ContinuousClock.Instant) -> Duration {
        if isRested(at: now) { step = Self.first }
        let wait = step * (1 + random())
        step = min(step * 2, Self.cap)
        busyUntil = now + wait
        return wait
    }

    /// The wait after something broke at `now` that had worked: as short as the first; other failures' waits stay as long.
    mutating func brief(at now: ContinuousClock.Instant) -> Duration {
        let wait = Self.first * (1 + random())
        busyUntil = now + wait
        return wait
    }

    /// At least 0, less than 1: the same seed gives the same waits, which tests need.
    mutating func random() -> Double { dice.fraction() }
}
