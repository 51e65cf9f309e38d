import ClusterModel
import DNSWire
import KubernetesAPI
import Synchronization
import Telemetry

/// What is known about following the cluster, for readiness, metrics and logs; shared by all loops.
final class FollowState: Sendable {
    /// Addresses of this host, for NS records.
    let localAddresses: [IPAddress]
    private let synced = Atomic<Bool>(false)
    private let restored = Atomic<Bool>(false)
    private let failing = Mutex<[ObjectKind: String]>([:])
    let age: DataAge

    /// - Parameter staleAfter: the age of what is known from which answers are called stale; nil for never.
    init(localAddresses: [IPAddress], staleAfter: Duration? = nil) {
        self.localAddresses = localAddresses
        age = DataAge(limit: staleAfter)
    }

    /// True once there is something to answer from, listed or restored; never false again.
    var isSynced: Bool { synced.load(ordering: .acquiring) }

    /// True while answers come from what an earlier process saved.
    var isRestored: Bool { restored.load(ordering: .relaxed) }

    /// Every kind was listed.
    func markSynced() {
        restored.store(false, ordering: .relaxed)
        synced.store(true, ordering: .releasing)
    }

    /// The records of an earlier process are published.
    func markRestored() {
        restored.store(true, ordering: .relaxed)
        synced.store(true, ordering: .releasing)
    }

    /// Why the server is not ready, for people: which kinds the API server does not let us list.
    var unreadiness: String? {
        let kinds = forbiddenKinds.map(\.rawValue).sorted()
        return kinds.isEmpty ? nil : "forbidden to list \(kinds.joined(separator: " and "))"
    }

    private let forbidden = Mutex<Set<ObjectKind>>([])

    /// Kinds whose last list or watch was refused by the API server's rules.
    var forbiddenKinds: Set<ObjectKind> { forbidden.withLock { $0 } }

    func setForbidden(_ kind: ObjectKind, _ isForbidden: Bool) {
        forbidden.withLock { forbidden in
            if isForbidden { forbidden.insert(kind) } else { forbidden.remove(kind) }
        }
    }

    /// True while changes of that kind arrive as they happen.
    func isCurrent(_ kind: ObjectKind) -> Bool {
        guard failing.withLock({ $0[kind] == nil }), let age = age.age(of: kind) else { return false }
        return age < Self.longestSilence
    }

    /// Servers send something, if only a bookmark, about every minute.
    private static let longestSilence = Duration.seconds(75)

    /// True when this failure is news: the same reason again and again is said once.
    func failed(_ kind: ObjectKind, _ reason: String) -> Bool {
        failing.withLock { failing in
            guard failing[kind] != reason else { return false }
            failing[kind] = reason
            return true
        }
    }

    /// True when `kind` had failed before.
    func recovered(_ kind: ObjectKind) -> Bool {
        failing.withLock { $0.removeValue(forKey: kind) != nil }
    }
}
