import DNSServer
import DNSWire
import EventLoop
import Telemetry
import ZoneData

/// Signs sets of records on one loop, and keeps the signatures.
final class SignatureCache {
    private let keys: [SigningKey]
    private let capacity: Int
    private var kept: [Set<ZoneRecord>: Signed] = [:]
    private let metrics: Metrics

    struct Metrics: Sendable {
        let entries: Gauge
        let hits: Counter
        let misses: Counter

        init(_ block: BlockSettings) {
            let server = ("server", block.serverLabel)
            entries = block.metrics.gauge(
                "coredns_dnssec_cache_entries", "The number of elements in the dnssec cache.",
                [server, ("type", "signature")])
            hits = block.metrics.counter("coredns_dnssec_cache_hits_total", "The count of cache hits.", [server])
            misses = block.metrics.counter("coredns_dnssec_cache_misses_total", "The count of cache misses.", [server])
        }
    }

    struct Signed {
        /// The TTL that was signed: records may show a lower one, and never a higher (RFC 4035 §5.3.3).
        let ttl: UInt32
        let expiration: UInt32
        let records: [ZoneRecord]

        /// False where the end is near, and where the clock was set back to before the signatures hold.
        func isGood(at now: UInt32) -> Bool {
            let left = Int32(bitPattern: expiration &- now)
            return left > SignatureCache.renewal && left <= SignatureCache.validFor + SignatureCache.validFrom
        }
    }

    /// Seconds that signatures hold before and after the moment they are made, and how long before their end they are
    /// renewed.
    static let validFrom: Int32 = 3 * 3600
    static let validFor: Int32 = 8 * 86400
    static let renewal: Int32 = 2 * 86400

    init(_ keys: [KeyFiles], capacity: Int, _ metrics: Metrics) {
        self.keys = KeyFiles.once(keys).compactMap(\.signingKey)
        self.capacity = capacity
        self.metrics = metrics
    }

    /// The signatures of a set, with its TTL.
    ///
    /// - Parameter set: records of one owner, type and class.
    func signatures(of set: [ZoneRecord], for zone: Name) -> [ZoneRecord] {
        guard let first = set.first else { return [] }
        let ttl = set.map(\.ttl).min() ?? first.ttl
        let now = UInt32(truncatingIfNeeded: WallClock.nanoseconds / 1_000_000_000)
        var plain = set
        for index in plain.indices {
            plain[index].ttl = 0
            plain[index].owner = plain[index].owner.map(folded)
        }
        let key = Set(plain)
        let signed: Signed
        if let known = kept[key], known.ttl >= ttl, known.isGood(at: now) {
            metrics.hits.add()
            signed = known
        } else {
            metrics.misses.add()
            // A record that is there twice counts once (RFC 4034 §6.3).
            plain = Array(key)
            for index in plain.indices { plain[index].ttl = ttl }
            signed = sign(plain, ttl, zone, now)
            if kept.count >= capacity { kept.removeAll(keepingCapacity: true) }
            if capacity > 0 { kept[key] = signed }
            metrics.entries.set(Double(kept.count))
        }
        return signed.records.map { record in
            var record = record
            (record.owner, record.ttl) = (first.owner, ttl)
            return record
        }
    }

    private func sign(_ set: [ZoneRecord], _ ttl: UInt32, _ zone: Name, _ now: UInt32) -> Signed {
        let isOfKeys = set[0].type == RecordType.dnskey.rawValue
        // With keys of both kinds each signs what it is for (RFC 6781 §3.1).
        let areSplit = keys.contains(where: \.signsKeys) && keys.contains { !$0.signsKeys }
        let expiration = now &+ UInt32(Self.validFor)
        return Signed(
            ttl: ttl, expiration: expiration,
            records: keys.filter { !areSplit || $0.signsKeys == isOfKeys }.compactMap {
                $0.sign(set, for: zone, inception: now &- UInt32(Self.validFrom), expiration: expiration)
            })
    }

    /// The keys as records of `zone`.
    func keyRecords(of zone: Name, owner: [UInt8]) -> [ZoneRecord] {
        keys.map { key in
            var record = key.record(of: zone, ttl: 3600)
            record.owner = owner
            return record
        }
    }
}
