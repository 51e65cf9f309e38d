import Corefile
import DNSServer
import DNSWire
import NIOCore
import NIOSSL
import Synchronization
import Telemetry

/// The open connections of one listener, within its limits.
final class Connections: Sendable {
    private let entrance: Entrance
    private let open = Mutex(Open())

    private struct Open {
        var connections: [ObjectIdentifier: Connection] = [:]
        var perClient: [IPAddress: Int] = [:]
    }

    private struct Connection {
        let client: IPAddress
        let channel: any Channel
        let watch: NIOLoopBound<ConnectionWatch>
    }

    /// A client that is one too many, or has gone already.
    struct NotTaken: Error {}

    init(_ entrance: Entrance) { self.entrance = entrance }

    var isEmpty: Bool { open.withLock { $0.connections.isEmpty } }

    private var most: Int {
        entrance.place.scheme == .tls ? entrance.limits.streamConnections : entrance.limits.httpConnections
    }

    /// How near the limit this listener is: idle connections go sooner then.
    var isCrowded: Bool { open.withLock { $0.connections.count * 5 > most * 4 } }

    /// Sets up a new connection, on its own event loop.
    func take(_ channel: any Channel, shown: LoadedCredentials?) throws {
        guard let address = channel.remoteAddress?.asEndpoint else { throw NotTaken() }
        let watch = ConnectionWatch(self, entrance.limits)
        guard admit(channel, address.address, NIOLoopBound(watch, eventLoop: channel.eventLoop)) else {
            entrance.shedConnections.add()
            throw NotTaken()
        }
        channel.closeFuture.whenComplete { _ in self.leave(channel) }
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

    private func admit(_ channel: any Channel, _ client: IPAddress, _ watch: NIOLoopBound<ConnectionWatch>) -> Bool {
        let perClient =
            entrance.place.scheme == .tls ? entrance.limits.streamConnectionsPerClient : entrance.limits.httpConnections
        return open.withLock { open in
            guard open.connections.count < most, open.perClient[client, default: 0] < perClient else { return false }
            open.perClient[client, default: 0] += 1
            open.connections[ObjectIdentifier(channel)] = Connection(client: client, channel: channel, watch: watch)
            return true
        }
    }

    private func leave(_ channel: any Channel) {
        open.withLock { open in
            guard let gone = open.connections.removeValue(forKey: ObjectIdentifier(channel)) else { return }
            let left = open.perClient[gone.client, default: 1] - 1
            open.perClient[gone.client] = left > 0 ? left : nil
        }
    }

    /// Lets each connection end once it has answered what it received.
    func drain() {
        for connection in open.withLock({ Array($0.connections.values) }) {
            connection.channel.eventLoop.execute { connection.watch.value.drain() }
        }
    }

    func closeAll() {
        for connection in open.withLock({ Array($0.connections.values) }) {
            connection.channel.close(promise: nil)
        }
    }
}
