import DNSWire
import EventLoop

/// One client's connection: length-framed queries in, responses out in the order in which they are ready (RFC 7766 §7).
final class TCPConnection: ReadinessHandler, TimerTarget {
    let peer: SocketAddress
    private let stream: StreamSocket
    private unowned let server: LoopServer
    private weak var listener: TCPListener?
    private var registration: EventLoop.Registration?
    /// Octets received and not yet answered; grows with what arrives, never with what a length promises.
    private var incoming: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var underWay = 0
    private var clientFinished = false
    private var isClosed = false
    private var timer = TimerID.none
    private var waitsFor = Wait.idle

    private enum Wait: UInt64 {
        case idle
        case message
        case write
    }

    init(_ stream: StreamSocket, peer: SocketAddress, listener: TCPListener) {
        self.stream = stream
        self.peer = peer
        self.listener = listener
        server = listener.server
    }

    func open() {
        registration = server.loop.register(stream.number, handler: self)
        arm(.idle)
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        server.loop.cancel(timer)
        if let registration { server.loop.unregister(registration, stream.number) }
        registration = nil
        listener?.closed(self)
    }

    // MARK: Reading

    func ready(readable: Bool, writable: Bool) {
        if writable { flush() }
        if readable, !isClosed { read() }
    }

    private var mayRead: Bool {
        !clientFinished && underWay < server.streamLimits.pipelined && outgoing.count < server.streamLimits.unsent
    }

    private func read() {
        guard mayRead else { return updateInterest() }
        let output = server.streamOutput
        switch stream.read(into: output) {
        case .octets(let count):
            incoming += output.view(count).array
            answerWholeMessages()
        case .wouldBlock: break
        case .closed:
            clientFinished = true
            if underWay == 0, outgoing.isEmpty { close() } else { updateInterest() }
        }
    }

    private func answerWholeMessages() {
        var start = 0
        while !isClosed, incoming.count - start >= 2, underWay < server.streamLimits.pipelined,
            outgoing.count < server.streamLimits.unsent
        {
            let length = Int(incoming[start]) << 8 | Int(incoming[start + 1])
            guard length >= 12 else { return close() }
            guard incoming.count - start - 2 >= length else { break }
            let message = Array(incoming[(start + 2)..<(start + 2 + length)])
            start += 2 + length
            answer(message)
        }
        guard !isClosed else { return }
        incoming.removeFirst(start)
        flush()
        guard !isClosed else { return }
        if incoming.isEmpty { arm(.idle) } else if waitsFor != .message || start > 0 { arm(.message) }
        updateInterest()
    }

    private func answer(_ message: [UInt8]) {
        guard let router = listener?.router else { return close() }
        underWay += 1
        let answered = withBytes(message) { view in
            server.answer(
                view, into: server.streamOutput.suffix(from: 2), client: peer, transport: .tcp, router: router,
                origin: .stream(self))
        }
        switch answered {
        case .response(let length): append(server.streamOutput, length: length)
        case .waiting: break
        case .nothing: underWay -= 1
        }
    }

    // MARK: Writing

    /// Takes a response that was completed later; `room` has it from its third octet on.
    func answered(_ room: OutputBytes, length: Int) {
        guard !isClosed else { return }
        append(room, length: length)
        flush()
        guard !isClosed else { return }
        // Messages may be waiting for this place in the pipeline.
        answerWholeMessages()
        if !isClosed, clientFinished, underWay == 0, outgoing.isEmpty { close() }
    }

    private func append(_ room: OutputBytes, length: Int) {
        underWay -= 1
        room.store(UInt16(truncatingIfNeeded: length), at: 0)
        outgoing += room.view(length + 2).array
    }

    private func flush() {
        guard !outgoing.isEmpty else { return }
        switch withBytes(outgoing, { stream.write($0) }) {
        case .octets(let count):
            outgoing.removeFirst(count)
        case .wouldBlock: break
        case .closed: return close()
        }
        if outgoing.isEmpty {
            if waitsFor == .write { arm(incoming.isEmpty ? .idle : .message) }
            if clientFinished, underWay == 0 { return close() }
        } else if waitsFor != .write {
            arm(.write)
        }
        updateInterest()
    }

    private func updateInterest() {
        guard let registration else { return }
        server.loop.change(registration, stream.number, readable: mayRead, writable: !outgoing.isEmpty)
    }

    // MARK: Deadlines

    private func arm(_ wait: Wait) {
        server.loop.cancel(timer)
        waitsFor = wait
        let limits = server.streamLimits
        let delay = switch wait {
        case .idle: listener?.isCrowded == true ? min(limits.idle, 1_000_000_000) : limits.idle
        case .message: limits.message
        case .write: limits.write
        }
        timer = server.loop.schedule(after: delay, self, token: wait.rawValue)
    }

    func timerFired(_ token: UInt64) {
        // A connection whose queries wait for the network is not idle.
        if token == Wait.idle.rawValue, underWay > 0 { return arm(.idle) }
        // Whole messages that wait for a place in the pipeline are not late.
        if token == Wait.message.rawValue, underWay >= server.streamLimits.pipelined { return arm(.message) }
        close()
    }
}
