import Corefile
import DNSServer
import DNSWire
import EventLoop
import NIOCore
import NIOSSL
import Synchronization
import Telemetry

/// The open connections of one listener, within its limits.
final class Connections: Sendable {
    private let entrance: Entrance
    private let open = Mutex(OpenConnections<Connection>())

    private struct Connection {
        let channel: any Channel
        let watch: NIOLoopBound<ConnectionWatch>
        let use: ConnectionUse
    }

    /// A client that is one too many, or has gone already.
    struct NotTaken: Error {}

    init(_ entrance: Entrance) { self.entrance = entrance }

    var isEmpty: Bool { open.withLock { $0.count == 0 } }

    private var limits: OpenConnections<Connection>.Limits {
        let limits = entrance.limits
        return entrance.place.scheme == .tls
            ? .init(connections: limits.streamConnections, perClient: limits.streamConnectionsPerClient)
            : .init(connections: limits.httpConnections, perClient: limits.httpConnections)
    }

    /// How near the limit this listener is: idle connections go sooner then.
    var isCrowded: Bool {
        let most = limits.connections
        return open.withLock { $0.count * 5 > most * 4 }
    }

    /// Sets up a new connection, on its own event loop.
    func take(_ channel: any Channel, shown: LoadedCredentials?) throws {
        guard let address = channel.remoteAddress?.asEndpoint else { throw NotTaken() }
        let use = ConnectionUse()
        let watch = ConnectionWatch(self, entrance.limits, use)
        let connection = Connection(
            channel: channel, watch: NIOLoopBound(watch, eventLoop: channel.eventLoop), use: use)
        guard let ticket = admit(connection, address.address) else {
            entrance.shedConnections.add()
            throw NotTaken()
        }
        watch.noteUse = { self.open.withLock { $0.used(ticket) } }
        channel.closeFuture.whenComplete { _ in self.open.withLock { $0.remove(ticket) } }
        let pipeline = channel.pipeline.syncOperations
        if let shown { try pipeline.addHandler(shown.makeHandler()) }
        try pipeline.addHandler(watch)
        let setUp = ConnectionSetUp(
            entrance: entrance, client: Client(address: address, isEncrypted: shown != nil), watch: watch)
        switch entrance.place.scheme {
        case .https where shown != nil: try setUp.negotiateHTTP(channel)
        case .https: try setUp.speakHTTP1(channel)
        case .grpc: try setUp.speakHTTP2(channel, form: DNSOverGRPC())
        default: try setUp.speakFrames(channel)
        }
    }

    private func admit(_ connection: Connection, _ client: IPAddress) -> OpenConnections<Connection>.Ticket? {
        let (limits, isShort) = (limits, DescriptorReserve.isReached)
        return open.withLock { open in
            switch open.makeRoom(for: client, within: limits, isShort: isShort, isBusy: \.use.isBusy) {
            case .free: break
            case .after(let idlest):
                entrance.shedConnections.add()
                idlest.channel.close(promise: nil)
            case .none: return nil
            }
            return open.insert(connection, from: client)
        }
    }

    /// Lets each connection end once it has answered what it received.
    func drain() {
        for connection in open.withLock({ $0.all }) {
            connection.channel.eventLoop.execute { connection.watch.value.drain() }
        }
    }

    func closeAll() {
        for connection in open.withLock({ $0.all }) {
            connection.channel.close(promise: nil)
        }
    }
}

/// What a listener may know of a connection from another thread.
final class ConnectionUse: Sendable {
    private let requests = Atomic<Int>(0)
    private let hasAsked = Atomic<Bool>(false)
    private let opened = NIODeadline.now()

    /// True while a request is under way, or soon will be.
    var isBusy: Bool {
        requests.load(ordering: .relaxed) > 0
            || !hasAsked.load(ordering: .relaxed)
                && NIODeadline.now() - opened < .nanoseconds(Int64(OpenConnections<Never>.youth))
    }

    func set(_ count: Int) {
        requests.store(count, ordering: .relaxed)
        hasAsked.store(true, ordering: .relaxed)
    }
}
