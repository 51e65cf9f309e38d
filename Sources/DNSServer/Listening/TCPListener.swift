import DNSWire
import EventLoop
import Telemetry

/// Accepts connections of one address on one loop and keeps their number within limits.
final class TCPListener: ReadinessHandler, TimerTarget {
    var router = ServerBlockRouter([])
    var limits: StreamLimits
    unowned let server: LoopServer
    private let socket: StreamListenerSocket
    private var registration: EventLoop.Registration?
    private var connections: [ObjectIdentifier: TCPConnection] = [:]
    private var perClient: [IPAddress: Int] = [:]

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
        for connection in connections.values { connection.close() }
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
        let client = peer.address
        guard connections.count < limits.connections, perClient[client, default: 0] < limits.connectionsPerClient else {
            server.counters.shedConnections.bump()
            return
        }
        perClient[client, default: 0] += 1
        let connection = TCPConnection(stream, peer: peer, listener: self)
        connections[ObjectIdentifier(connection)] = connection
        connection.open()
    }

    /// How near the limit this listener is: idle connections go sooner then.
    var isCrowded: Bool { connections.count * 5 > limits.connections * 4 }

    func closed(_ connection: TCPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        let client = connection.peer.address
        let left = perClient[client, default: 1] - 1
        perClient[client] = left > 0 ? left : nil
    }
}
