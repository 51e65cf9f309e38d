import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Keeps replies as fresh as the upstream has them: subscribes to what is asked for (RFC 8765), and puts what it is told
/// in the place of what is kept.
///
/// What another way than this connection brought is trusted for its lifetime only: a cluster's replicas are a moment
/// apart, and only the one that tells of changes can say what is true now.
final class NameFollower: TimerTarget {
    private enum Phase {
        /// The upstream has not answered yet.
        case asked
        /// What it had at the beginning has been told, or nothing is there.
        case accepted
    }

    private struct State {
        var id: UInt16 = 0
        var phase = Phase.asked
        var wasTold = false
        /// Rounds in which nobody asked for it.
        var idleRounds = 0
    }

    private let loop: EventLoop
    private let store: CacheStore
    private let settings: CacheSettings
    private let counters: FollowCounters
    private var link: FollowLink?
    private var epoch: FollowEpoch?
    private var names: [FollowedName: State] = [:]
    private var subscriptions: [UInt16: FollowedName] = [:]
    /// Questions of our own.
    private var questions: [UInt16: FollowedName] = [:]
    /// Requests whose answer comes behind what these names have been told at first.
    private var probes: [UInt16: [FollowedName]] = [:]
    private var unprobed: [FollowedName] = []
    /// Names that the upstream does not tell of.
    private var refused: Set<FollowedName> = []
    private var lastID: UInt16 = 0
    private var lastAnswer: UInt64 = 0
    private let buffer = ByteBlock(capacity: 65_535)

    private enum Timer: UInt64 {
        case probe
        case round
        case silence
    }

    private static let roundTime: UInt64 = 60_000_000_000
    private static let idleRounds = 2
    private static let mostRefused = 10_000
    /// Nanoseconds in which the upstream answers, or is lost.
    private static let patience: UInt64 = 3_000_000_000
    private static let keepAliveTime: UInt64 = 10_000_000_000
    /// Nanoseconds after which an upstream that does not tell of changes is asked again.
    private static let unsupportedPause: UInt64 = 60_000_000_000

    init(
        _ upstreams: [SocketAddress], _ settings: CacheSettings, _ store: CacheStore, _ counters: FollowCounters,
        on loop: EventLoop
    ) {
        self.loop = loop
        self.store = store
        self.settings = settings
        self.counters = counters
        // What an earlier configuration followed goes on.
        for name in store.vouchedKeys.compactMap(FollowedName.init(key:)).prefix(settings.followed) {
            names[name] = State()
        }
        let link = FollowLink(upstreams, on: loop) { [unowned self] in take($0) }
        self.link = link
        link.start()
        loop.schedule(after: Self.roundTime, self, token: Timer.round.rawValue)
    }

    func end() {
        epoch?.lose(now: loop.now)
        epoch = nil
        link?.end()
        link = nil
        counters.names.set(0)
        counters.connected.set(0)
    }

    /// Somebody has asked for the name, and the reply is kept.
    func want(_ name: FollowedName) {
        guard epoch != nil else { return }
        if let state = names[name] {
            // What came by another way is kept for its lifetime only: this connection says what is true.
            if state.phase == .accepted, !questions.values.contains(name) { ask(name) }
            return
        }
        guard names.count < settings.followed, !refused.contains(name) else { return }
        subscribe(name)
    }

    private func subscribe(_ name: FollowedName) {
        guard let id = newID() else { return }
        names[name] = State(id: id)
        subscriptions[id] = name
        link?.send(StatefulMessage.octets(id: id, .subscribe, name.wanted))
        if unprobed.isEmpty { loop.schedule(after: 0, self, token: Timer.probe.rawValue) }
        unprobed.append(name)
        counters.names.set(Double(names.count))
    }

    private func newID() -> UInt16? {
        for _ in 0..<UInt16.max {
            lastID &+= 1
            if lastID != 0, subscriptions[lastID] == nil, questions[lastID] == nil, probes[lastID] == nil {
                return lastID
            }
        }
        return nil
    }

    // MARK: Time

    func timerFired(_ token: UInt64) {
        guard link != nil else { return }
        switch Timer(rawValue: token) {
        case .probe: probe()
        case .round: nextRound()
        case .silence: lookForSilence()
        case nil: break
        }
    }

    /// Asks for a keepalive: its answer comes behind everything that was to be told before.
    private func probe() {
        guard epoch != nil, let id = newID() else { return }
        probes[id] = unprobed
        unprobed = []
        var times: [UInt8] = []
        times.append(bigEndian: UInt32.max)
        times.append(bigEndian: UInt32(2 * Self.keepAliveTime / 1_000_000))
        link?.send(StatefulMessage.octets(id: id, .keepAlive, times))
        if probes.count == 1 { lastAnswer = loop.now }
    }

    private func lookForSilence() {
        guard let current = epoch else { return }
        if !probes.isEmpty, loop.now &- lastAnswer > Self.patience {
            link?.reopen()
        } else if probes.isEmpty, loop.now &- lastAnswer > Self.keepAliveTime {
            probe()
        }
        if epoch === current { loop.schedule(after: Self.patience / 3, self, token: Timer.silence.rawValue) }
    }

    /// Gives up names that nobody asks for.
    private func nextRound() {
        defer { loop.schedule(after: Self.roundTime, self, token: Timer.round.rawValue) }
        refused = []
        guard epoch != nil else { return }
        for (name, state) in names where state.phase == .accepted {
            let kept = name.keys.compactMap { key in withBytes(key) { store.find($0) } }
            if kept.contains(where: \.isUsed) {
                names[name]?.idleRounds = 0
                for entry in kept { _ = store.insert(entry.renewed(under: entry.epoch)) }
            } else if state.idleRounds + 1 >= Self.idleRounds || kept.isEmpty {
                giveUp(name)
            } else {
                names[name]?.idleRounds += 1
            }
        }
        counters.names.set(Double(names.count))
    }

    private func giveUp(_ name: FollowedName) {
        guard let state = names.removeValue(forKey: name) else { return }
        subscriptions[state.id] = nil
        var id: [UInt8] = []
        id.append(bigEndian: state.id)
        link?.send(StatefulMessage.octets(id: 0, .unsubscribe, id))
        // Nobody vouches for it from now on.
        drop(name)
    }

    // MARK: What the upstream says

    private func take(_ event: FollowLink.Event) {
        switch event {
        case .opened:
            epoch = FollowEpoch()
            lastAnswer = loop.now
            probe()
            for name in Array(names.keys) { subscribe(name) }
            loop.schedule(after: Self.patience / 3, self, token: Timer.silence.rawValue)
            counters.connected.set(1)
        case .message(let message): take(message)
        case .lost:
            guard let epoch else { return }
            epoch.lose(now: loop.now)
            self.epoch = nil
            (subscriptions, questions, probes, unprobed) = ([:], [:], [:], [])
            for name in names.keys { names[name] = State() }
            counters.connected.set(0)
            counters.lost.add()
        }
    }

    private func take(_ message: [UInt8]) {
        withBytes(message) { octets in
            guard StatefulMessage.isOne(octets) else { return learn(message) }
            guard let read = try? StatefulMessage(octets), read.isResponse == (read.id != 0) else {
                link?.reopen()
                return
            }
            if read.isResponse { takeAnswer(read) } else if let value = read.primary { takeTold(value) }
        }
    }

    private func takeAnswer(_ answer: StatefulMessage) {
        lastAnswer = loop.now
        if answer.code == .notImplemented || answer.code == .formatError {
            // It knows no such thing; it may be replaced by one that does.
            link?.reopen(after: Self.unsupportedPause)
            return
        }
        link?.isHeard()
        if let names = probes.removeValue(forKey: answer.id) { return names.forEach(confirm) }
        guard let name = subscriptions[answer.id] else { return }
        guard answer.code == .noError else {
            subscriptions[answer.id] = nil
            names[name] = nil
            if refused.count < Self.mostRefused { refused.insert(name) }
            return
        }
        names[name]?.phase = .accepted
    }

    /// All that the name had when it was subscribed to has been told.
    private func confirm(_ name: FollowedName) {
        guard let state = names[name], state.phase == .accepted, !state.wasTold else { return }
        let kept = name.keys.compactMap { key in withBytes(key) { store.find($0) } }
        // The upstream has nothing. That is what is kept, or what is kept is wrong.
        guard !kept.isEmpty, kept.allSatisfy({ $0.kind == .denial }) else { return askAgain(name) }
        for entry in kept { _ = store.insert(entry.renewed(under: epoch)) }
    }

    private func takeTold(_ value: StatefulMessage.Value) {
        switch value.type {
        case .push:
            guard let changes = PushedChange.read(value.data), !changes.isEmpty else {
                link?.reopen()
                return
            }
            for (name, change) in changes { apply(change, to: name) }
        case .retryDelay: link?.reopen(after: UInt64.random(in: 0...FollowLink.shortPause))
        default: break
        }
    }

    private func apply(_ change: PushedChange, to told: FollowedName) {
        guard told.type != .any else {
            for name in names.keys where name.name == told.name { apply(change, to: name) }
            return
        }
        guard let state = names[told] else { return }
        counters.changes.add()
        names[told]?.wasTold = true
        // The first is all there is (RFC 8765 §6.2.2); what is left of a set that was changed is asked for.
        let isWhole = !change.removesOne && (change.isWhole || !state.wasTold)
        if isWhole, !change.records.isEmpty, let reply = told.reply(change.records, buffer.bytes) {
            keep(reply, for: told)
        } else {
            askAgain(told)
        }
    }

    // MARK: What is kept

    /// Drops what is kept and asks over this connection what is there.
    private func askAgain(_ name: FollowedName) {
        drop(name)
        ask(name)
    }

    private func ask(_ name: FollowedName) {
        guard let id = newID() else { return }
        questions[id] = name
        link?.send(name.query(id: id))
    }

    /// The answer to a question of our own.
    private func learn(_ message: [UInt8]) {
        lastAnswer = loop.now
        guard message.count >= 12,
            let name = questions.removeValue(forKey: UInt16(message[0]) << 8 | UInt16(message[1])),
            names[name] != nil
        else { return }
        let id = UInt16(message[0]) << 8 | UInt16(message[1])
        guard let reply = name.reply(to: id, message, buffer.bytes), Self.isPlain(reply, name.type) else { return }
        keep(reply, for: name)
    }

    /// True for a reply that has no CNAME: nobody tells of changes of its target.
    static func isPlain(_ reply: UpstreamResponse, _ type: RecordType) -> Bool {
        guard reply.code == .noError || reply.code == .nameError else { return false }
        return withBytes(reply.octets) { message in
            var records = MessageRecords(message, at: reply.questionEnd, answers: reply.answers)
            return records.next().map { $0.record.type == type } ?? true
        }
    }

    private func keep(_ reply: UpstreamResponse, for name: FollowedName) {
        let kind: CacheKind = reply.code == .noError && reply.isPositive ? .success : .denial
        guard let epoch, let seconds = settings.seconds(reply, kind) else { return }
        for (place, key) in name.keys.enumerated() {
            guard place == 0 || withBytes(key, { store.find($0) }) != nil else { continue }
            _ = store.insert(
                CacheEntry(
                    key: key, reply: reply, kind: kind, stored: loop.now, lifetime: UInt64(seconds) * 1_000_000_000,
                    epoch: epoch))
        }
    }

    private func drop(_ name: FollowedName) {
        for key in name.keys { withBytes(key) { store.remove($0) } }
    }
}

/// What following counts.
final class FollowCounters: Sendable {
    let names: Gauge
    let connected: Gauge
    let changes: Counter
    let lost: Counter

    init(_ metrics: MetricRegistry, _ labels: [(String, String)]) {
        names = metrics.gauge("coredns_cache_followed_names", "Names that the upstream tells of changes of.", labels)
        connected = metrics.gauge("coredns_cache_follow_connected", "1 while the upstream can tell of changes.", labels)
        changes = metrics.counter("coredns_cache_follow_changes_total", "Counter of changes that were told.", labels)
        lost = metrics.counter("coredns_cache_follow_lost_total", "Counter of connections that were lost.", labels)
    }
}
