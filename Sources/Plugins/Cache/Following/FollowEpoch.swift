import Synchronization

/// One connection over which an upstream tells of changes: while it stands, what is kept under it is as fresh as what the
/// upstream has.
final class FollowEpoch: Sendable {
    private let lost = Atomic<UInt64>(0)

    /// Monotonic nanoseconds at which the connection was lost; nil while it stands.
    var lostAt: UInt64? {
        let lost = lost.load(ordering: .acquiring)
        return lost == 0 ? nil : lost
    }

    func lose(now: UInt64) { lost.store(max(1, now), ordering: .releasing) }
}
