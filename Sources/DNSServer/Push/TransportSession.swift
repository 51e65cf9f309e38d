import DNSWire
package import EventLoop
import Telemetry

/// The DSO session of a connection that another thread has; its messages are answered by one loop, in their order.
///
/// It ends when the last reference to it goes.
package final class TransportSession: Sendable {
    /// What is said without being asked.
    package enum Told: Sendable {
        case message([UInt8])
        /// The connection is to be ended at once.
        case end
    }

    private let handle: LoopHandle
    private let number: UInt64

    init(
        _ handle: LoopHandle, _ number: UInt64, at place: SecureEndpoint.Place, client: SocketAddress,
        told: @escaping @Sendable (Told) -> Void
    ) {
        self.handle = handle
        self.number = number
        handle.submit { loop in
            guard let server = loop.resident as? LoopServer else { return told(.end) }
            server.transportListeners.begin(TransportPeer(place, client, server, told), number)
        }
    }

    package func receive(_ message: [UInt8]) {
        handle.submit { [number] loop in
            (loop.resident as? LoopServer)?.transportListeners.peer(number)?.receive(message)
        }
    }

    /// The connection is ended because its client does not read.
    package func countAsSlow() {
        handle.submit { loop in (loop.resident as? LoopServer)?.counters.push.slow.add() }
    }

    deinit {
        handle.submit { [number] loop in (loop.resident as? LoopServer)?.transportListeners.end(number) }
    }
}

/// The loop's side of such a session.
final class TransportPeer: PushPeer, TimerTarget {
    let peer: SocketAddress
    private let place: SecureEndpoint.Place
    private unowned let server: LoopServer
    private let told: @Sendable (TransportSession.Told) -> Void
    private var session: PushSession?
    private var lastHeard: UInt64

    init(
        _ place: SecureEndpoint.Place, _ client: SocketAddress, _ server: LoopServer,
        _ told: @escaping @Sendable (TransportSession.Told) -> Void
    ) {
        self.place = place
        peer = client
        self.server = server
        self.told = told
        lastHeard = server.loop.now
    }

    var pushPlace: (any PushPlace)? { server.transportListeners[place] }

    func receive(_ message: [UInt8]) {
        lastHeard = server.loop.now
        guard pushPlace?.router.tellsChanges == true else {
            // As any other opcode that is not known here.
            return server.answer(
                TransportQuery(message: message, client: peer, place: place, takesStreams: false) { [told] answer in
                    if case .response(let octets) = answer { told(.message(octets)) }
                })
        }
        if session == nil {
            session = PushSession(self, server.push)
            server.loop.schedule(after: PushLimits.keepAlive, self, token: 0)
        }
        withBytes(message) { session?.receive($0) }
    }

    func timerFired(_ token: UInt64) {
        guard let session else { return }
        let silence = server.loop.now &- lastHeard
        if silence >= session.patience { return abort() }
        server.loop.schedule(after: session.patience - silence, self, token: 0)
    }

    func push(_ message: [UInt8]) { told(.message(message)) }

    /// What is said goes at once: the other side gathers it.
    func turnEnded() {}

    func abort() {
        close()
        told(.end)
    }

    func close() {
        session?.end()
        session = nil
    }
}
