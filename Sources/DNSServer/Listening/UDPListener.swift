import DNSWire
import EventLoop

/// Answers datagrams of one address on one loop, up to 32 with one system call each way.
final class UDPListener: ReadinessHandler, UrgentTarget, TurnTarget {
    var router = ServerBlockRouter([])
    private unowned let server: LoopServer
    private let socket: DatagramServerSocket
    private var registration: EventLoop.Registration?
    /// Answers that others had to be asked for.
    private let outbox: DatagramOutbox
    private let floods: FloodControl
    private static let longestTurn = 8
    /// Full batches after which it is looked at what still waits.
    private static let batchesToLook = 4

    init(_ address: SocketAddress, on server: LoopServer) throws(SystemError) {
        socket = try DatagramServerSocket(boundTo: address)
        outbox = try DatagramOutbox()
        floods = FloodControl(socket, at: address, on: server)
        self.server = server
    }

    func open() {
        registration = server.loop.register(socket.number, handler: self)
        server.loop.urgent.append(self)
    }

    func close() {
        if let registration { server.loop.unregister(registration, socket.number) }
        registration = nil
        server.loop.urgent.removeAll { $0 === self }
        floods.close()
    }

    func ready(readable: Bool, writable: Bool) {
        // A bounded number of batches a turn, so that a flood cannot starve streams and timers.
        for number in 1...Self.longestTurn {
            guard answerBatch() == DatagramServerSocket.batchSize else { return floods.caughtUp() }
            if number % Self.batchesToLook == 0 { floods.isBehind() }
        }
    }

    /// Who asks by datagrams asks little, and does not wait for those who fill connections.
    func serveWaiting() { _ = answerBatch() }

    /// Answers until nothing waits in the socket.
    func answerAllReceived() {
        while answerBatch() > 0 {}
    }

    private func answerBatch() -> Int {
        let count = socket.receive()
        guard count > 0 else { return 0 }
        for slot in 0..<count {
            let peer = socket.peer(slot)
            guard peer.port != 0 else { continue }
            if floods.isCounting, !floods.admits(peer) { continue }
            let message = unsafe lent(socket.query(slot))
            let output = unsafe lent(socket.response(slot))
            let answered = server.chain.answer(
                message, into: output, client: peer, transport: .udp, takesStreams: false, router: router,
                asker: .datagram(self, socket.replyPath(slot)))
            if case .response(let length) = answered { socket.queue(slot, length: length) }
        }
        socket.flush()
        return count
    }

    /// Sends an answer at the end of this turn.
    func send(_ response: ByteView, along path: ReplyPath) {
        if outbox.count == 0 { server.loop.callAtEndOfTurn(self) }
        // What is too long for a place was never promised to a client (RFC 6891 §6.2.5).
        if outbox.add(response, along: path), outbox.isFull { turnEnded() }
    }

    func turnEnded() { outbox.flush(through: socket.number) }
}
