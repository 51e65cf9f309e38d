/// Growing waits between failures (client-go's reflector): 0.8 s, doubled to 30 s, each stretched by up to twice, and
/// starting over after two minutes without failure.
struct Backoff {
    static let first = Duration.milliseconds(800)
    static let cap = Duration.seconds(30)
    static let rest = Duration.seconds(120)

    private var step = Self.first
    /// When the wait after the last failure is over.
    private var busyUntil: ContinuousClock.Instant?
    private var state: UInt64

    init(seed: UInt64) { state = seed }

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

    /// At least 0, less than 1. SplitMix64: the same seed gives the same waits, which tests need.
    mutating func random() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return Double(mixed >> 11) / Double(UInt64(1) << 53)
    }
}
