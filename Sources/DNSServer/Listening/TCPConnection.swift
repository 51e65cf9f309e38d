import DNSWire
import EventLoop
import Telemetry

/// One client's connection: length-framed queries in, responses out in the order in which they are ready (RFC 7766 §7).
final class TCPConnection: ReadinessHandler, TimerTarget, TurnTarget, PushPeer {
    let peer: SocketAddress
    /// Its place in the listener's table.
    var ticket: OpenConnections<TCPConnection>.Ticket?
    private let stream: StreamSocket
    private unowned let server: LoopServer
    private weak var listener: TCPListener?
    private var registration: EventLoop.Registration?
    /// What the loop was told to wait for.
    private var interest = (readable: true, writable: false)
    private var incoming = MessageFraming()
    private var outgoing: [UInt8] = []
    private var underWay = 0
    /// Queries so far.
    private var taken = 0
    private let opened: UInt64
    /// An answer of several messages; nothing else is answered until the client has taken it.
    private var streamed: StreamedAnswer?
    /// What the client is told without asking; nil until it begins to speak DSO.
    private var session: PushSession?
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
        opened = listener.server.loop.now
    }

    var router: ServerBlockRouter? { listener?.router }

    func open() {
        registration = server.loop.register(stream.number, handler: self)
        arm(.idle)
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        endStreaming()
        session?.end()
        session = nil
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
        streamed == nil && !clientFinished && underWay < server.streamLimits.pipelined
            && outgoing.count < server.streamLimits.unsent
    }

    private func read() {
        guard mayRead else { return updateInterest() }
        let output = server.chain.streamOutput
        let (share, begun) = (server.streamShare.octets, server.loop.currentTime)
        switch stream.read(into: output.prefix(share)) {
        case .octets(let count):
            incoming.append(output.view(count).array)
            answerWholeMessages()
            if count == share { server.streamShare.took(server.loop.currentTime &- begun) }
        case .wouldBlock: break
        case .closed:
            clientFinished = true
            if isIdle { close() } else { updateInterest() }
        }
    }

    private func answerWholeMessages() {
        var hasAnswered = false
        taking: while !isClosed, streamed == nil, !isSpent, underWay < server.streamLimits.pipelined,
            outgoing.count < server.streamLimits.unsent
        {
            switch incoming.next() {
            case .message(let message):
                hasAnswered = true
                answer(message)
            case .incomplete: break taking
            case .broken: return close()
            }
        }
        guard !isClosed else { return }
        flush()
        guard !isClosed else { return }
        if waitsFor != .write || isSent {
            if incoming.isEmpty { arm(.idle) } else if waitsFor != .message || hasAnswered { arm(.message) }
        }
        updateInterest()
    }

    /// True when the connection has had as many queries as it may have.
    private var isSpent: Bool { taken >= (listener?.limits ?? server.streamLimits).queries }

    private func answer(_ message: [UInt8]) {
        guard let router = listener?.router else { return close() }
        if router.tellsChanges, withBytes(message, StatefulMessage.isOne) {
            listener?.used(self)
            let session = session ?? PushSession(self, server.push)
            self.session = session
            return withBytes(message) { session.receive($0) }
        }
        underWay += 1
        taken += 1
        listener?.used(self)
        // It is closed once all of them are answered.
        if isSpent { clientFinished = true }
        let answered = withBytes(message) { view in
            server.chain.answer(
                view, into: server.chain.streamOutput.suffix(from: 2), client: peer, transport: .tcp,
                takesStreams: true, router: router, asker: .stream(self))
        }
        switch answered {
        case .response(let length): append(server.chain.streamOutput, length: length)
        case .begun(let length, let source):
            append(server.chain.streamOutput, length: length)
            server.streamedAnswers += 1
            streamed = StreamedAnswer(
                source: source, message: message, deadline: server.loop.now &+ server.streamLimits.streamedAnswer)
        case .waiting: break
        case .invalid, .silent: underWay -= 1
        }
    }

    // MARK: Telling

    var pushPlace: (any PushPlace)? { listener }

    func push(_ message: [UInt8]) {
        guard !isClosed else { return }
        if outgoing.isEmpty { server.loop.callAtEndOfTurn(self) }
        MessageFraming.append(message, to: &outgoing)
        guard outgoing.count > PushLimits.unsent else { return }
        server.counters.push.slow.add()
        abort()
    }

    func turnEnded() { if !isClosed { flush() } }

    func abort() {
        stream.resetAtClose()
        close()
    }

    // MARK: Writing

    /// Takes a response that was completed later; `room` has it from its third octet on.
    func answered(_ room: OutputBytes, length: Int) {
        guard !isClosed else { return }
        append(room, length: length)
        flush()
        goOn()
    }

    /// A query that waited gets no response.
    func unanswered() {
        guard !isClosed else { return }
        underWay -= 1
        goOn()
    }

    private func goOn() {
        guard !isClosed else { return }
        // Messages may be waiting for this place in the pipeline.
        answerWholeMessages()
        if !isClosed, clientFinished, isIdle { close() }
    }

    private func append(_ room: OutputBytes, length: Int) {
        underWay -= 1
        frame(room, length: length)
    }

    /// - Parameter room: has the message from its third octet on.
    private func frame(_ room: OutputBytes, length: Int) {
        room.store(UInt16(truncatingIfNeeded: length), at: 0)
        outgoing += room.view(length + 2).array
    }

    /// True when it should not give way to a new one: a query of it is under way, or the client takes a long answer.
    var isBusy: Bool { underWay > 0 || session?.isActive == true || streamed != nil || taken == 0 && isYoung }
    private var isYoung: Bool { server.loop.now &- opened < OpenConnections<TCPConnection>.youth }

    /// True when no query is under way and no response left to send.
    private var isIdle: Bool { underWay == 0 && outgoing.isEmpty && streamed == nil }

    /// True when nothing is left to send, nor to be taken from a streamed answer.
    private var isSent: Bool { outgoing.isEmpty && streamed == nil }

    private func flush() {
        writeStreamed()
        guard !outgoing.isEmpty else { return }
        switch withBytes(outgoing, { stream.write($0) }) {
        case .octets(let count):
            outgoing.removeFirst(count)
            streamed?.taken += count
        case .wouldBlock: break
        case .closed: return close()
        }
        if isSent {
            if waitsFor == .write { arm(incoming.isEmpty ? .idle : .message) }
            if clientFinished, isIdle { return close() }
        } else if waitsFor != .write {
            arm(.write)
        }
        updateInterest()
    }

    /// Writes a message or two of a streamed answer when there is room: the rest waits until the client has taken them.
    private func writeStreamed() {
        while let answer = streamed, outgoing.count < Self.streamedRoom {
            let room = server.chain.streamOutput
            let (length, isMore) = server.continueAnswer(answer, into: room.suffix(from: 2))
            frame(room, length: length)
            guard !isMore else { continue }
            endStreaming()
            server.loop.schedule(after: 0, self, token: Self.streamedEnd)
        }
    }

    /// Octets: a little more than one message of a zone transfer.
    private static let streamedRoom = 20_000
    /// The timer token for messages that came during a streamed answer.
    private static let streamedEnd: UInt64 = 9

    private func endStreaming() {
        guard streamed != nil else { return }
        streamed = nil
        server.streamedAnswers -= 1
    }

    private func updateInterest() {
        guard let registration else { return }
        let wanted = (readable: mayRead, writable: !outgoing.isEmpty || streamed != nil)
        guard wanted != interest else { return }
        interest = wanted
        server.loop.change(registration, stream.number, readable: wanted.readable, writable: wanted.writable)
    }

    // MARK: Deadlines

    private func arm(_ wait: Wait) {
        server.loop.cancel(timer)
        waitsFor = wait
        let limits = listener?.limits ?? server.streamLimits
        let delay =
            switch wait {
            case .idle where session != nil: session?.patience ?? limits.idle
            case .idle: listener?.isCrowded == true ? min(limits.idle, 1_000_000_000) : limits.idle
            case .message: limits.message
            case .write: limits.write
            }
        timer = server.loop.schedule(after: delay, self, token: wait.rawValue)
    }

    func timerFired(_ token: UInt64) {
        guard !isClosed else { return }
        if token == Self.streamedEnd { return answerWholeMessages() }
        if let answer = streamed {
            // Slow is not late, as long as it comes to an end.
            guard answer.taken >= server.streamLimits.streamedOctets, server.loop.now < answer.deadline else {
                return close()
            }
            streamed?.taken = 0
            return arm(.write)
        }
        // A connection whose queries wait for the network is not idle.
        if token == Wait.idle.rawValue, underWay > 0 { return arm(.idle) }
        // Whole messages that wait for a place in the pipeline are not late.
        if token == Wait.message.rawValue, underWay >= server.streamLimits.pipelined { return arm(.message) }
        if token == Wait.write.rawValue, session != nil { server.counters.push.slow.add() }
        close()
    }
}
