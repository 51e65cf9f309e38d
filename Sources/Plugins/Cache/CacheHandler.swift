import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Answers from kept replies, and keeps what upstreams reply.
final class CacheHandler: Handler {
    private unowned let server: LoopServer
    private let settings: CacheSettings
    private let store: CacheStore
    private let zones: ZoneSet
    private let disabled: [ZoneSet]
    private let counters: CacheCounters
    /// Nil where nobody tells of changes.
    private let following: CacheFollowing?
    /// By kind; apart from the settings, whose arrays all loops share and would count references of.
    private let bounds: [TTLBounds]
    /// Type, class and flags, then the folded name, then the options that upstreams are sent.
    private let keyRoom = ByteBlock(capacity: 5 + 255 + UpstreamOptions.longest)

    init(
        _ settings: CacheSettings, _ store: CacheStore, on server: LoopServer, _ counters: CacheCounters,
        _ following: CacheFollowing? = nil
    ) {
        self.following = following
        self.settings = settings
        self.store = store
        self.server = server
        self.counters = counters
        bounds = [settings.success, settings.denial].map {
            TTLBounds(minimum: $0.minimumTTL, maximum: $0.maximumTTL)
        }
        zones = ZoneSet(settings.zones)
        disabled = [ZoneSet(settings.success.disabledZones), ZoneSet(settings.denial.disabledZones)]
    }

    // MARK: On the way in

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard zones.contains(exchange.question.folded) else { return .next }
        counters.requests.bump()
        guard let entry = store.find(key(exchange)) else { return miss() }
        let now = server.loop.now
        guard now < entry.end else { return answerStale(entry, now, &exchange) }
        counters.hits[entry.kind.rawValue].bump()
        entry.use()
        write(entry, age: settings.keepsTTL ? 0 : entry.age(now: now), &exchange)
        prefetch(entry, now, exchange)
        return .answered
    }

    private func miss() -> Verdict {
        counters.misses.bump()
        return .next
    }

    private func write(_ entry: CacheEntry, age: UInt32, _ exchange: inout Exchange) {
        let bounds = bounds[entry.kind.rawValue]
        exchange.answer(with: entry.reply, age: age, minimumTTL: bounds.minimum, maximumTTL: bounds.maximum)
    }

    private func prefetch(_ entry: CacheEntry, _ now: UInt64, _ exchange: borrowing Exchange) {
        guard let prefetch = settings.prefetch, prefetch.amount > 0, entry.kind == .success else { return }
        guard entry.countHit(now: now, gap: prefetch.gap) >= prefetch.amount else { return }
        guard (entry.end &- now) <= entry.lifetime / 100 * prefetch.percentage else { return }
        guard entry.beginRenewal(now: now, pause: entry.lifetime) else { return }
        counters.prefetches.bump()
        server.chain.askInBackground(exchange)
    }

    // MARK: Past their time (RFC 8767)

    private func answerStale(_ entry: CacheEntry, _ now: UInt64, _ exchange: inout Exchange) -> Verdict {
        guard let stale = settings.stale, isUsable(entry, stale, now) else { return miss() }
        if stale.verifies {
            // While upstreams are left in peace the old answer stands.
            guard stale.recheck > 0, !entry.beginRenewal(now: now, pause: stale.recheck) else { return miss() }
        } else {
            // A CNAME's target cannot be asked for in the background; it is asked for as if it were not known.
            guard exchange.isFirstQuestion else { return miss() }
            if entry.beginRenewal(now: now, pause: max(stale.recheck, Self.renewalPause)) {
                server.chain.askInBackground(exchange)
            }
        }
        counters.hits[entry.kind.rawValue].bump()
        writeStale(entry, stale, &exchange)
        return .answered
    }

    /// Nanoseconds in which one question has been answered or has failed.
    private static let renewalPause: UInt64 = 5_000_000_000

    private func isUsable(_ entry: CacheEntry, _ stale: CacheSettings.Stale, _ now: UInt64) -> Bool {
        now < entry.end &+ stale.duration && entry.reply.code != .serverFailure
    }

    private func writeStale(_ entry: CacheEntry, _ stale: CacheSettings.Stale, _ exchange: inout Exchange) {
        counters.servedStale.bump()
        exchange.answer(with: entry.reply, minimumTTL: stale.ttl, maximumTTL: stale.ttl)
        exchange.response.extendedError = .staleAnswer
    }

    func recover(_ exchange: inout Exchange) -> Bool { replaceByStale(&exchange) }

    /// Answers a question whose renewal failed from what is known of old; false when nothing is.
    private func replaceByStale(_ exchange: inout Exchange) -> Bool {
        guard let stale = settings.stale, stale.verifies || !exchange.isFirstQuestion,
            zones.contains(exchange.question.folded), let entry = store.find(key(exchange)),
            isUsable(entry, stale, server.loop.now)
        else { return false }
        if exchange.isFirstQuestion { exchange.response.removeRecords(exchange.asked) }
        exchange.failure = nil
        writeStale(entry, stale, &exchange)
        return true
    }

    // MARK: On the way out

    func received(_ reply: UpstreamResponse, _ exchange: inout Exchange) {
        let name = exchange.question.folded
        guard zones.contains(name) else { return }
        let kind: CacheKind = reply.code == .noError && reply.isPositive ? .success : .denial
        if reply.code == .serverFailure || reply.code == .refused, exchange.isFirstQuestion, replaceByStale(&exchange) {
            return
        }
        limitTTLs(reply, bounds[kind.rawValue], &exchange)
        guard !disabled[kind.rawValue].contains(name), let seconds = settings.seconds(reply, kind) else { return }
        let now = server.loop.now
        let key = key(exchange)
        let known = store.find(key)
        // What another way than the upstream's own word brings may be older than what that has told.
        if let known, known.isVouchedFor { return }
        // A failure is no reason to forget what is known.
        if reply.code == .serverFailure, let known, known.reply.code != .serverFailure,
            now < known.end &+ (settings.stale?.duration ?? 0)
        {
            return
        }
        let entry = CacheEntry(
            key: key.array, reply: reply, kind: kind, stored: now, lifetime: UInt64(seconds) * 1_000_000_000)
        guard entry.footprint <= CacheStore.largestEntry else { return counters.drops.bump() }
        for kind in store.insert(entry) { counters.evictions[kind.rawValue].bump() }
        if let following { follow(key, reply, by: following) }
    }

    private func follow(_ key: ByteView, _ reply: UpstreamResponse, by following: CacheFollowing) {
        guard let name = FollowedName(key: key.array), NameFollower.isPlain(reply, name.type) else { return }
        following.want(name)
    }

    /// Bounds the TTLs of the reply just written, so that its first client sees what later ones will.
    private func limitTTLs(_ reply: UpstreamResponse, _ bounds: TTLBounds, _ exchange: inout Exchange) {
        // CNAMEs before it are our own and keep what they say.
        let own = max(0, Int(exchange.response.answers) - Int(reply.answers))
        for (record, section) in exchange.response.records(at: exchange.asked.questionEnd).dropFirst(own) {
            guard section != .additional else { return }
            let bounded = bounds.bounded(record.ttl)
            if bounded != record.ttl { exchange.response.overwrite(bounded, at: record.ttlOffset) }
        }
    }

    /// The key of the current question, valid until the next call.
    private func key(_ exchange: borrowing Exchange) -> ByteView {
        let room = keyRoom.bytes
        let question = exchange.question
        room.store(question.type.rawValue, at: 0)
        room.store(question.class, at: 2)
        let dnssecOK: UInt8 = exchange.asked.edns?.dnssecOK == true ? 2 : 0
        room.store(dnssecOK | (exchange.asked.checkingDisabled ? 1 : 0), at: 4)
        room.copy(question.folded, to: 5)
        let length = 5 + question.folded.count
        guard let options = exchange.upstreamOptions?.octets else { return room.view(length) }
        // What an upstream says may depend on them, as it does on a client's subnet (RFC 7871 §7.3).
        withBytes(options) { room.copy($0, to: length) }
        return room.view(length + options.count)
    }
}

/// What TTLs of one kind of reply may say, in seconds.
struct TTLBounds {
    let minimum: UInt32
    let maximum: UInt32

    func bounded(_ ttl: UInt32) -> UInt32 { max(minimum, min(ttl, maximum)) }
}
