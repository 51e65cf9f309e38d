import DNSWire
import EventLoop
import Snapshots
import Telemetry

/// Tells the clients of one loop what changes (RFC 8765).
final class PushService: TimerTarget {
    let counters: PushCounters
    private unowned let server: LoopServer
    private var table = PushTable()
    private var sessions: [UInt32: PushSession] = [:]
    private var lastNumber: UInt32 = 0
    private var places: [PlaceReference] = []
    /// The feeds that are listened to.
    private var heard: Set<ObjectIdentifier> = []
    /// Entries that are to be looked at.
    private var pending: [PushTable.EntryID] = []
    /// How many of them have been.
    private var looked = 0
    private var isScheduled = false

    private struct PlaceReference {
        weak var place: (any PushPlace)?
    }

    /// Entries that are looked at in one turn of the loop.
    private static let slice = 256

    init(_ server: LoopServer, _ counters: PushCounters) {
        self.server = server
        self.counters = counters
    }

    // MARK: Sessions

    func takeNumber() -> UInt32 {
        repeat { lastNumber &+= 1 } while sessions[lastNumber] != nil
        return lastNumber
    }

    func opened(_ session: PushSession) {
        sessions[session.number] = session
        counters.sessions.set(Double(sessions.count))
    }

    func closed(_ session: PushSession) {
        sessions[session.number] = nil
        counters.sessions.set(Double(sessions.count))
    }

    /// Asks every client to go elsewhere, for the process ends (RFC 8490 §6.6.1).
    func sayGoodbye() {
        var delay: [UInt8] = []
        delay.append(bigEndian: UInt32(Self.retryDelay))
        let message = StatefulMessage.octets(id: 0, .retryDelay, delay)
        for session in sessions.values {
            session.peer.push(message)
            session.peer.turnEnded()
        }
    }

    /// Milliseconds.
    private static let retryDelay = 5000

    // MARK: Subscriptions

    enum Refusal: Error {
        case unknown(PushRefusal)
        case tooMany
        case duplicate

        var code: ResponseCode {
            switch self {
            case .unknown(let refusal): refusal.code
            case .tooMany, .duplicate: .refused
            }
        }

        var reason: String {
            switch self {
            case .unknown(let refusal): refusal.reason
            case .tooMany: "too many"
            case .duplicate: "duplicate"
            }
        }
    }

    /// - Parameter held: subscriptions of the session so far.
    /// - Returns: the subscription, and the records there are now.
    func subscribe(
        _ session: PushSession, _ name: [UInt8], _ type: RecordType, _ held: Int
    ) throws(Refusal) -> (PushTable.SubscriptionID, additions: [UInt8]) {
        guard let place = session.peer.pushPlace else { throw .unknown(.notAuthoritative) }
        let limits = place.router.push
        guard held < limits.perConnection, table.count < limits.total else { throw .tooMany }
        let number = number(of: place)
        let known: KnownAnswer
        do throws(PushRefusal) {
            known = try look(name, type, session.peer.peer, place.router)
        } catch {
            throw .unknown(error)
        }
        let entry: PushTable.EntryID
        if let found = table.find(name, type, number) {
            if table.subscribers(of: found).contains(where: { $0.session == session.number }) { throw .duplicate }
            entry = found
            if known.digest != table[found].digest { tell(found, known, butNot: session) }
        } else {
            entry = table.insert(.init(name, type, at: number, known.vouching, digest: known.digest))
        }
        let subscription = table.subscribe(session: session.number, to: entry)
        count()
        return (subscription, known.additions)
    }

    func unsubscribe(_ subscription: PushTable.SubscriptionID) {
        if let feed = table.unsubscribe(subscription) { forget(feed) }
        count()
    }

    private func count() {
        counters.subscriptions.set(Double(table.count))
        counters.names.set(Double(table.entryCount))
    }

    private func number(of place: any PushPlace) -> UInt16 {
        if let known = places.firstIndex(where: { $0.place === place }) { return UInt16(known) }
        // The number of one that is gone is free: its connections ended with it.
        if let free = places.firstIndex(where: { $0.place == nil }) {
            places[free].place = place
            return UInt16(free)
        }
        places.append(PlaceReference(place: place))
        return UInt16(places.count - 1)
    }

    /// The client doubts what it has: it is told again.
    func reconfirm(_ name: [UInt8], _ type: RecordType, _ session: PushSession) {
        guard let place = session.peer.pushPlace, let entry = table.find(name, type, number(of: place)),
            table.subscribers(of: entry).contains(where: { $0.session == session.number }),
            let known = try? look(name, type, session.peer.peer, place.router)
        else { return }
        session.peer.push(Self.message(name, type, known))
    }

    // MARK: Changes

    private func look(
        _ name: [UInt8], _ type: RecordType, _ client: SocketAddress, _ router: ServerBlockRouter
    ) throws(PushRefusal) -> KnownAnswer {
        guard type == .any else { return try server.chain.known(name, type, client, router, listen) }
        var all = try server.chain.known(name, .a, client, router, listen)
        // What else a name of the cluster may have.
        for type in [RecordType.aaaa, .srv, .ptr, .cname, .txt] {
            let known = try server.chain.known(name, type, client, router, listen)
            all.digest = all.digest &* 31 &+ known.digest
            all.additions += known.additions
        }
        all.keepWhatFits(name)
        return all
    }

    private func listen(_ vouching: Vouching) {
        let handle = server.loop.handle
        let feed = vouching.feed
        guard !heard.contains(ObjectIdentifier(feed)) else { return }
        heard.insert(ObjectIdentifier(feed))
        feed.listen(self) { [weak feed] changes in
            guard let feed else { return }
            handle.submit { loop in (loop.resident as? LoopServer)?.push.changed(feed, changes) }
        }
    }

    private func changed(_ feed: ChangeFeed, _ changes: ChangeFeed.Changes) {
        switch changes {
        // Of other feeds, too: one that could not say anything yet may be the one to ask from now on.
        case .all: for entry in table.all { postpone(entry) }
        case .keys(let keys): for key in keys { for entry in table.entries(of: feed, key) { postpone(entry) } }
        }
        lookAtPending()
    }

    /// Everything may be answered otherwise now.
    func planChanged() {
        for entry in table.all { postpone(entry) }
        lookAtPending()
    }

    private func postpone(_ entry: PushTable.EntryID) {
        guard !table[entry].isPending else { return }
        table[entry].isPending = true
        pending.append(entry)
    }

    func timerFired(_ token: UInt64) {
        isScheduled = false
        lookAtPending()
    }

    /// Looks at some of what waits; queries are answered before the next.
    private func lookAtPending() {
        let end = min(looked + Self.slice, pending.count)
        for entry in pending[looked..<end] where table[entry].isPending {
            table[entry].isPending = false
            lookAgain(entry)
        }
        looked = end
        if looked == pending.count { (pending, looked) = ([], 0) }
        guard !pending.isEmpty, !isScheduled else { return }
        isScheduled = true
        server.loop.schedule(after: 0, self, token: 0)
    }

    private func lookAgain(_ id: PushTable.EntryID) {
        let entry = table[id]
        guard let place = places[Int(entry.place)].place,
            let subscriber = table.subscribers(of: id).first(where: { _ in true }),
            let session = sessions[subscriber.session]
        else { return }
        do {
            let known = try look(entry.name, entry.type, session.peer.peer, place.router)
            if let last = table.move(id, to: known.vouching.feed, known.vouching.key) { forget(last) }
            if known.digest != entry.digest { tell(id, known) }
        } catch .notReady {
            // It is answered as before once it is known again.
        } catch {
            // Nobody vouches for it any more, and there is no message that says so of one name.
            for session in table.subscribers(of: id).compactMap({ sessions[$0.session] }) { session.peer.abort() }
        }
    }

    private func forget(_ feed: ChangeFeed) {
        feed.leave(self)
        heard.remove(ObjectIdentifier(feed))
    }

    private static func message(_ name: [UInt8], _ type: RecordType, _ known: KnownAnswer) -> [UInt8] {
        StatefulMessage.octets(id: 0, .push, KnownAnswer.removal(name, type) + known.additions)
    }

    /// - Parameter new: a session that is told by other means.
    private func tell(_ id: PushTable.EntryID, _ known: KnownAnswer, butNot new: PushSession? = nil) {
        table[id].digest = known.digest
        let message = Self.message(table[id].name, table[id].type, known)
        for session in table.subscribers(of: id).compactMap({ sessions[$0.session] }) where session !== new {
            counters.notifications.add()
            session.peer.push(message)
        }
    }
}
