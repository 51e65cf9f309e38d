import DNSServer
import DNSWire
import Synchronization

/// The kinds of replies that are counted and bounded apart.
enum CacheKind: Int, CaseIterable, Sendable {
    case success
    case denial

    /// The `type` label of metrics.
    var label: String { self == .success ? "success" : "denial" }
}

/// One kept reply.
final class CacheEntry: Sendable {
    /// Type, class, DO and CD, then the folded name.
    let key: [UInt8]
    let reply: UpstreamResponse
    let kind: CacheKind
    /// Monotonic nanoseconds at which the reply came.
    let stored: UInt64
    /// Nanoseconds from then on that the reply holds.
    let lifetime: UInt64
    /// While it stands the lifetime has not begun: the upstream tells of changes. Nil where nobody does.
    let epoch: FollowEpoch?
    private let hits = Atomic<Int>(0)
    private let lastHit = Atomic<UInt64>(0)
    private let renewedAt = Atomic<UInt64>(0)
    private let used = Atomic<Bool>(false)

    init(
        key: [UInt8], reply: UpstreamResponse, kind: CacheKind, stored: UInt64, lifetime: UInt64,
        epoch: FollowEpoch? = nil
    ) {
        self.key = key
        self.reply = reply
        self.kind = kind
        self.stored = stored
        self.lifetime = lifetime
        self.epoch = epoch
    }

    /// Octets of memory the entry takes.
    var footprint: Int { reply.footprint + key.count + 160 }

    /// Monotonic nanoseconds at which the reply stops to hold.
    var end: UInt64 {
        guard let epoch else { return stored &+ lifetime }
        return epoch.lostAt.map { max(stored, $0) &+ lifetime } ?? Self.never
    }

    /// Later than any time of the clock, with room to add to it.
    private static let never = UInt64.max / 2

    /// True while the upstream would have told if it were not so any more.
    var isVouchedFor: Bool { epoch.map { $0.lostAt == nil } ?? false }

    /// The same reply, vouched for over this connection, and not used yet.
    func renewed(under epoch: FollowEpoch?) -> CacheEntry {
        CacheEntry(key: key, reply: reply, kind: kind, stored: stored, lifetime: lifetime, epoch: epoch)
    }

    /// True once somebody was answered with it.
    var isUsed: Bool { used.load(ordering: .relaxed) }

    /// Written once only: what other cores read too is not to go from one to the other with every answer.
    func use() {
        if !isUsed { used.store(true, ordering: .relaxed) }
    }

    /// What is kept rather than what comes before: what still holds, then what was asked for again, then what
    /// holds longer.
    func usefulness(now: UInt64) -> (Int, UInt64) { (end <= now ? 0 : isUsed ? 2 : 1, end) }

    /// Whole seconds since the reply came.
    func age(now: UInt64) -> UInt32 {
        let start = epoch.map { $0.lostAt.map { max(stored, $0) } ?? now } ?? stored
        return now > start ? UInt32(clamping: (now - start) / 1_000_000_000) : 0
    }

    /// Counts a hit; gives how many came without a pause longer than `gap` nanoseconds.
    ///
    /// Loops may race here and lose a hit, which delays a prefetch by one.
    func countHit(now: UInt64, gap: UInt64) -> Int {
        let pause = now &- lastHit.load(ordering: .relaxed)
        lastHit.store(now, ordering: .relaxed)
        let count = pause > gap ? 1 : hits.load(ordering: .relaxed) + 1
        hits.store(count, ordering: .relaxed)
        return count
    }

    /// True for the one caller that is to ask for this entry again; the next may after `pause` nanoseconds.
    func beginRenewal(now: UInt64, pause: UInt64) -> Bool {
        let last = renewedAt.load(ordering: .relaxed)
        guard last == 0 || now > last &+ pause else { return false }
        return renewedAt.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    }
}
