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
    private let lastContact = Mutex<ContinuousClock.Instant?>(nil)

    init(localAddresses: [IPAddress]) { self.localAddresses = localAddresses }

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

    /// Seconds since the API server was last heard; nil before the first time.
    var secondsSinceContact: Double? {
        lastContact.withLock { $0 }.map { instant in
            let age = ContinuousClock.now - instant
            return Double(age.components.seconds) + Double(age.components.attoseconds) / 1e18
        }
    }

    /// True while changes of that kind arrive as they happen.
    func isCurrent(_ kind: ObjectKind) -> Bool {
        guard failing.withLock({ $0[kind] == nil }), let age = secondsSinceContact else { return false }
        return age < Self.longestSilence
    }

    /// Seconds: servers send something, if only a bookmark, about every minute.
    private static let longestSilence = 75.0

    func heard() { lastContact.withLock { $0 = .now } }

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
