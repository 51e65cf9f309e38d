import DNSWire
import EventLoop

/// Answers datagrams of one address on one loop, up to 32 with one system call each way.
final class UDPListener: ReadinessHandler {
    var router = ServerBlockRouter([])
    private unowned let server: LoopServer
    private let socket: DatagramServerSocket
    private var registration: EventLoop.Registration?
    private static let longestTurn = 8

    init(_ address: SocketAddress, on server: LoopServer) throws(SystemError) {
        socket = try DatagramServerSocket(boundTo: address)
        self.server = server
    }

    func open() { registration = server.loop.register(socket.number, handler: self) }

    func close() {
        if let registration { server.loop.unregister(registration, socket.number) }
        registration = nil
    }

    func ready(readable: Bool, writable: Bool) {
        // A bounded number of batches a turn, so that a flood cannot starve streams and timers.
        for _ in 0..<Self.longestTurn where answerBatch() < DatagramServerSocket.batchSize { return }
    }

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
            let message = unsafe lent(socket.query(slot))
            let output = unsafe lent(socket.response(slot))
            let answered = server.chain.answer(
                message, into: output, client: peer, transport: .udp, router: router,
                asker: .datagram(self, socket.replyPath(slot)))
            if case .response(let length) = answered { socket.queue(slot, length: length) }
        }
        socket.flush()
        return count
    }

    func send(_ response: ByteView, along path: ReplyPath) {
        unsafe withBuffer(response) { unsafe socket.send($0, along: path) }
    }
}

// The buffers of the socket as checked views, valid as long as its turn lasts.

private func lent(_ buffer: UnsafeBufferPointer<UInt8>) -> ByteView {
    guard let start = buffer.baseAddress else { return .empty }
    return unsafe ByteView(start: start, count: buffer.count)
}

private func lent(_ buffer: UnsafeMutableBufferPointer<UInt8>) -> OutputBytes {
    guard let start = buffer.baseAddress else { return ByteBlock(capacity: 0).bytes }
    return unsafe OutputBytes(start: start, capacity: buffer.count)
}
