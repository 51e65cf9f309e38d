import Synchronization

/// Background work that outlives reloads which change nothing about it: plugins of both configurations use it meanwhile,
/// and the last of them ends it.
final class LastingWork<Work: Sendable>: Sendable {
    private final class Use: Sendable {
        let work: Work
        private let end: @Sendable (Work) -> Void
        private let users = Atomic<Int>(1)

        init(_ work: Work, _ end: @escaping @Sendable (Work) -> Void) {
            self.work = work
            self.end = end
        }

        func keep() { users.wrappingAdd(1, ordering: .relaxed) }

        func release() {
            if users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { end(work) }
        }
    }

    private let use: Mutex<Use>

    /// - Parameter end: ends it, once nobody uses it any more.
    init(_ work: Work, end: @escaping @Sendable (Work) -> Void) { use = Mutex(Use(work, end)) }

    var work: Work { use.withLock { $0.work } }

    /// Uses what another does, in the place of its own, which was not begun.
    func adopt(_ other: LastingWork) {
        let taken = other.use.withLock { $0 }
        taken.keep()
        use.withLock { $0 = taken }
    }

    func release() { use.withLock { $0 }.release() }
}
