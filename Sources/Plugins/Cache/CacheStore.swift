import DNSServer
import DNSWire
import Synchronization

/// Replies that all loops share, in 64 stripes with a lock each.
final class CacheStore: MemoryHolder {
    private final class Lock: Sendable {
        let stripe: Mutex<CacheStripe>

        init(_ stripe: CacheStripe) { self.stripe = Mutex(stripe) }
    }

    private let stripes: [Lock]
    /// Names are chosen by clients: a seed of our own keeps them from choosing their places.
    private let seed = UInt64.random(in: 0 ... .max)

    private static let stripeCount = 64
    /// The largest reply kept, in octets of memory.
    static let largestEntry = 64 * 1024
    /// What an entry may take on average, in octets of memory.
    private static let averageEntry = 3 * 1024

    init(successCapacity: Int, denialCapacity: Int) {
        let limits = [successCapacity, denialCapacity].map { max(1, ($0 + Self.stripeCount - 1) / Self.stripeCount) }
        let octets = max(2 * Self.largestEntry, (limits[0] + limits[1]) * Self.averageEntry)
        stripes = (0..<Self.stripeCount).map { _ in Lock(CacheStripe(limits: limits, octetLimit: octets)) }
    }

    func find(_ key: ByteView) -> CacheEntry? {
        let hash = key.hash(seed: seed)
        return lock(hash).stripe.withLock { $0.find(key, hash: hash) }
    }

    /// Keeps `entry` unless it is too large; gives the kinds of entries given up for it.
    func insert(_ entry: CacheEntry) -> [CacheKind] {
        guard entry.footprint <= Self.largestEntry else { return [] }
        let hash = withBytes(entry.key) { $0.hash(seed: seed) }
        return lock(hash).stripe.withLock { $0.insert(entry, hash: hash) }
    }

    func remove(_ key: ByteView) {
        let hash = key.hash(seed: seed)
        lock(hash).stripe.withLock { $0.remove(key, hash: hash) }
    }

    /// Keys of entries that an upstream vouched for.
    var vouchedKeys: [[UInt8]] { stripes.flatMap { lock in lock.stripe.withLock { $0.vouchedKeys } } }

    func giveUpHalf(now: UInt64) -> Int {
        stripes.reduce(0) { sum, lock in
            let given = lock.stripe.withLock { $0.giveUpHalf(now: now) }
            // Released here and not above, where loops would wait for it.
            return sum + withExtendedLifetime(given.entries) { given.count }
        }
    }

    func mayGrow() {
        for lock in stripes { lock.stripe.withLock { $0.mayGrow() } }
    }

    /// How many replies of one kind are kept.
    func count(_ kind: CacheKind) -> Int {
        stripes.reduce(0) { sum, lock in sum + lock.stripe.withLock { $0.counts[kind.rawValue] } }
    }

    // The upper bits: the lower ones choose the place inside of the stripe.
    private func lock(_ hash: UInt64) -> Lock { stripes[Int(hash >> 58)] }
}
