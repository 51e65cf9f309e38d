import ClusterModel
import Synchronization

/// How old what is known of the cluster is: the time since the API server was last heard, of the kind that is worst off.
final class DataAge: Sendable {
    private struct State {
        /// When each kind was last heard; those never heard are not in it.
        var heardAt: [ObjectKind: ContinuousClock.Instant] = [:]
        /// Kinds that have not been listed while all others have.
        var missing: Set<ObjectKind> = []
    }

    /// The age from which answers are called stale; nil for never.
    private let limit: Duration?
    private let state = Mutex(State())
    // Read with every answer.
    private let isOverLimit = Atomic<Bool>(false)
    private let isIncomplete = Atomic<Bool>(false)

    init(limit: Duration?) { self.limit = limit }

    // MARK: Age

    /// True when answers come from data older than the limit (RFC 8914 §4.4); an atomic read.
    var isStale: Bool { isOverLimit.load(ordering: .relaxed) }

    func heard(_ kind: ObjectKind, at now: ContinuousClock.Instant = .now) {
        state.withLock { $0.heardAt[kind] = now }
        if isStale { review(at: now) }
    }

    /// Of the kind that was not heard for longest; nil before anything was heard.
    func age(at now: ContinuousClock.Instant = .now) -> Duration? {
        state.withLock { $0.heardAt.values.min() }.map { now - $0 }
    }

    /// Of one kind; nil before it was heard.
    func age(of kind: ObjectKind, at now: ContinuousClock.Instant = .now) -> Duration? {
        state.withLock { $0.heardAt[kind] }.map { now - $0 }
    }

    /// Compares the age with the limit.
    ///
    /// - Returns: after what time it may be over the limit at the earliest; nil when there is no limit.
    @discardableResult
    func review(at now: ContinuousClock.Instant) -> Duration? {
        guard let limit else { return nil }
        let age = age(at: now) ?? .zero
        isOverLimit.store(age >= limit, ordering: .relaxed)
        return age >= limit ? limit : limit - age
    }

    /// Reviews until cancelled, no more often than the limit can be passed.
    func watchLimit() async {
        while !Task.isCancelled, let pause = review(at: .now) {
            try? await Task.sleep(for: max(pause, .milliseconds(10)))
        }
    }

    // MARK: What is missing

    /// Kinds that the API server does not let us list: what they would say is not known. Empty is an atomic read.
    var missing: Set<ObjectKind> {
        isIncomplete.load(ordering: .acquiring) ? state.withLock { $0.missing } : []
    }

    func setMissing(_ kinds: Set<ObjectKind>) {
        state.withLock { $0.missing = kinds }
        isIncomplete.store(!kinds.isEmpty, ordering: .releasing)
    }
}
