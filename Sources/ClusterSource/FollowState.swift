package import ClusterModel
package import DNSWire
import Synchronization

/// What is known about following the cluster, for readiness, metrics and logs; shared by all loops.
package final class FollowState: Sendable {
    /// Addresses of this host, for NS records.
    package let localAddresses: [IPAddress]
    private let synced = Atomic<Bool>(false)
    private let restored = Atomic<Bool>(false)
    private let failing = Mutex<[ObjectKind: String]>([:])
    package let age: DataAge

    /// - Parameter staleAfter: the age of what is known from which answers are called stale; nil for never.
    package init(localAddresses: [IPAddress], staleAfter: Duration? = nil) {
        self.localAddresses = localAddresses
        age = DataAge(limit: staleAfter)
    }

    /// True once there is something to answer from, listed or restored; never false again.
    package var isSynced: Bool { synced.load(ordering: .acquiring) }

    /// True while answers come from what an earlier process saved.
    package var isRestored: Bool { restored.load(ordering: .relaxed) }

    /// True while answers come from what is older than it may be without a word: saved, or not heard of for long.
    package var isOld: Bool { isRestored || age.isStale }

    /// Every kind was listed.
    package func markSynced() {
        restored.store(false, ordering: .relaxed)
        synced.store(true, ordering: .releasing)
    }

    /// The records of an earlier process are published.
    func markRestored() {
        restored.store(true, ordering: .relaxed)
        synced.store(true, ordering: .releasing)
    }

    /// Why the server is not ready, for people: which kinds the API server does not let us list.
    package var unreadiness: String? {
        let kinds = forbiddenKinds.map(\.rawValue).sorted()
        return kinds.isEmpty ? nil : "forbidden to list \(kinds.joined(separator: " and "))"
    }

    private let forbidden = Mutex<Set<ObjectKind>>([])

    /// Kinds whose last list or watch was refused by the API server's rules.
    package var forbiddenKinds: Set<ObjectKind> { forbidden.withLock { $0 } }

    package func setForbidden(_ kind: ObjectKind, _ isForbidden: Bool) {
        forbidden.withLock { forbidden in
            if isForbidden { forbidden.insert(kind) } else { forbidden.remove(kind) }
        }
    }

    /// True while changes of that kind arrive as they happen.
    package func isCurrent(_ kind: ObjectKind) -> Bool {
        guard failing.withLock({ $0[kind] == nil }), let age = age.age(of: kind) else { return false }
        return age < Self.longestSilence
    }

    /// Servers send something, if only a bookmark, about every minute.
    private static let longestSilence = Duration.seconds(75)

    /// True when this failure is news: the same reason again and again is said once.
    package func failed(_ kind: ObjectKind, _ reason: String) -> Bool {
        failing.withLock { failing in
            guard failing[kind] != reason else { return false }
            failing[kind] = reason
            return true
        }
    }

    /// True when `kind` had failed before.
    package func recovered(_ kind: ObjectKind) -> Bool {
        failing.withLock { $0.removeValue(forKey: kind) != nil }
    }
}

/// How old what is known of the cluster is: the time since the API server was last heard, of the kind that is worst off.
package final class DataAge: Sendable {
    let lastHeard = LastHeard<ObjectKind>()
    /// Kinds that have not been listed while all others have.
    private let unlisted = Mutex<Set<ObjectKind>>([])

    /// The age from which answers are called stale; nil for never.
    private let limit: Duration?
    // Read with every answer.
    private let isOverLimit = Atomic<Bool>(false)
    private let isIncomplete = Atomic<Bool>(false)

    package init(limit: Duration?) { self.limit = limit }

    // MARK: Age

    /// True when answers come from data older than the limit (RFC 8914 §4.4); an atomic read.
    package var isStale: Bool { isOverLimit.load(ordering: .relaxed) }

    package func heard(_ kind: ObjectKind, at now: ContinuousClock.Instant = .now) {
        lastHeard.heard(kind, at: now)
        if isStale { review(at: now) }
    }

    /// Of the kind that was not heard for longest; nil before anything was heard.
    package func age(at now: ContinuousClock.Instant = .now) -> Duration? {
        lastHeard.age(at: now)
    }

    /// Of one kind; nil before it was heard.
    package func age(of kind: ObjectKind, at now: ContinuousClock.Instant = .now) -> Duration? {
        lastHeard.age(of: kind, at: now)
    }

    /// Compares the age with the limit.
    ///
    /// - Returns: after what time it may be over the limit at the earliest; nil when there is no limit.
    @discardableResult
    package func review(at now: ContinuousClock.Instant) -> Duration? {
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
    package var missing: Set<ObjectKind> {
        isIncomplete.load(ordering: .acquiring) ? unlisted.withLock { $0 } : []
    }

    package func setMissing(_ kinds: Set<ObjectKind>) {
        unlisted.withLock { $0 = kinds }
        isIncomplete.store(!kinds.isEmpty, ordering: .releasing)
    }
}
