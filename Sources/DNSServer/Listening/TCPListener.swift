import DNSWire
import EventLoop
import Telemetry

/// Accepts connections of one address on one loop and keeps their number within limits.
final class TCPListener: ReadinessHandler, TimerTarget, PushPlace {
    var router = ServerBlockRouter([])
    var limits: StreamLimits
    unowned let server: LoopServer
    private let socket: StreamListenerSocket
    private var registration: EventLoop.Registration?
    private var connections = OpenConnections<TCPConnection>()

    init(_ address: SocketAddress, on server: LoopServer) throws(SystemError) {
        socket = try StreamListenerSocket(boundTo: address)
        self.server = server
        limits = server.streamLimits
    }

    func open() { registration = server.loop.register(socket.number, handler: self) }

    func stopAccepting() {
        if let registration { server.loop.unregister(registration, socket.number) }
        registration = nil
    }

    func close() {
        stopAccepting()
        for connection in connections.all { connection.close() }
    }

    func ready(readable: Bool, writable: Bool) {
        for _ in 0..<64 {
            switch socket.accept() {
            case .connection(let stream, let peer): admit(stream, peer)
            case .none: return
            case .exhausted:
                // Without descriptors the backlog would wake the loop for ever: look again in a while.
                stopAccepting()
                server.loop.schedule(after: 100_000_000, self, token: 0)
                return
            }
        }
    }

    func timerFired(_ token: UInt64) {
        if registration == nil { open() }
    }

    private func admit(_ stream: StreamSocket, _ peer: SocketAddress) {
        let room = connections.makeRoom(
            for: peer.address, within: .init(connections: limits.connections, perClient: limits.connectionsPerClient),
            isShort: DescriptorReserve.holds(stream.number), isBusy: \.isBusy)
        switch room {
        case .free: break
        case .after(let idlest):
            server.counters.shedConnections.bump()
            idlest.close()
        case .none: return server.counters.shedConnections.bump()
        }
        let connection = TCPConnection(stream, peer: peer, listener: self)
        connection.ticket = connections.insert(connection, from: peer.address)
        connection.open()
    }

    /// How near the limit this listener is: idle connections go sooner then.
    var isCrowded: Bool { connections.count * 5 > limits.connections * 4 }

    func used(_ connection: TCPConnection) {
        if let ticket = connection.ticket { connections.used(ticket) }
    }

    func closed(_ connection: TCPConnection) {
        if let ticket = connection.ticket { connections.remove(ticket) }
    }
}
