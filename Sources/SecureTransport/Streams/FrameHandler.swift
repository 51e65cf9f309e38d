import DNSServer
import DNSWire
import NIOCore

/// One client's framed connection: queries in, responses out in the order in which they are ready (RFC 7858, RFC 7766).
final class FrameHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let entrance: Entrance
    private let client: Client
    private let watch: ConnectionWatch
    private var context: ChannelHandlerContext?
    /// By which the loops hand answers over.
    private var box: AnswerBox<TransportAnswer>?
    private var framing = MessageFraming()
    private let messageDeadline = Deadline()
    private let answerDeadline = Deadline()
    private var underWay = 0
    /// Queries so far.
    private var taken = 0
    private var unsent = 0
    /// Answers of this turn of the event loop, which go out together: in one record of TLS, by one system call.
    private var outgoing = ByteBuffer()
    /// What follows once they have gone out.
    private var afterwards: [(FrameHandler) -> Void] = []
    /// An answer of several messages; nothing else is answered until the client has taken it.
    private var streamed: TransportStream?
    /// What the client is told without asking; nil until it begins to speak DSO.
    private var session: TransportSession?
    /// By which the loop of the session hands over what it says.
    private var told: AnswerBox<TransportSession.Told>?
    private var readWaits = false
    private var clientFinished = false

    init(_ entrance: Entrance, _ client: Client, _ watch: ConnectionWatch) {
        self.entrance = entrance
        self.client = client
        self.watch = watch
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        box = AnswerBox(context.eventLoop) { [weak self] in
            for answer in $0 { self?.take(answer) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        messageDeadline.cancel()
        answerDeadline.cancel()
        streamed = nil
        box = nil
        session = nil
        told = nil
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Reading

    private var mayAnswer: Bool {
        taken < entrance.limits.queries && underWay < entrance.limits.pipelined && unsent < entrance.limits.unsent
            && streamed == nil
    }

    func read(context: ChannelHandlerContext) {
        if mayAnswer { context.read() } else { readWaits = true }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        framing.append(unwrapInboundIn(data).readableBytesView)
        answerWholeMessages()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            clientFinished = true
            closeWhenDone()
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func answerWholeMessages() {
        guard let context, let box else { return }
        let answered: @Sendable (TransportAnswer) -> Void = { box.put($0) }
        var queries: [TransportQuery] = []
        var mayBeMore = true
        while mayBeMore, mayAnswer {
            switch framing.next() {
            case .message(let message) where withBytes(message, StatefulMessage.isOne): converse(message)
            case .message(let message):
                began()
                queries.append(entrance.query(message, from: client, takesStreams: true, answered: answered))
            case .incomplete: mayBeMore = false
            case .broken: return context.close(promise: nil)
            }
        }
        if !queries.isEmpty {
            armAnswerDeadline()
            entrance.post(queries)
        }
        // Whole messages that wait for a place in the pipeline are not late.
        if framing.isEmpty || mayBeMore {
            messageDeadline.cancel()
        } else if !messageDeadline.isArmed || !queries.isEmpty {
            messageDeadline.arm(entrance.limits.message, on: context) { [weak self] in
                self?.context?.close(promise: nil)
            }
        }
        if readWaits, mayAnswer {
            readWaits = false
            context.read()
        }
    }

    /// Hands over a message of a DSO session (RFC 8490).
    private func converse(_ message: [UInt8]) {
        guard let context else { return }
        if session == nil {
            let told = AnswerBox<TransportSession.Told>(context.eventLoop) { [weak self] in
                for told in $0 { self?.say(told) }
            }
            session = entrance.openSession(client.address) { told.put($0) }
            self.told = told
            // How long it may be silent is for the session to say.
            watch.began()
        }
        session?.receive(message)
    }

    private func say(_ told: TransportSession.Told) {
        if unsent > PushLimits.unsent { session?.countAsSlow() }
        guard unsent <= PushLimits.unsent, case .message(let message) = told else {
            context?.close(promise: nil)
            return
        }
        write(message) { _ in }
    }

    private func began() {
        underWay += 1
        taken += 1
        // It is closed once all of them are answered.
        if taken >= entrance.limits.queries { clientFinished = true }
        watch.began()
    }

    /// Set anew with each query and each answer: a connection on which nothing moves for so long has lost one.
    private func armAnswerDeadline() {
        guard underWay > 0, let context else { return answerDeadline.cancel() }
        answerDeadline.arm(entrance.limits.answer, on: context) { [weak self] in self?.context?.close(promise: nil) }
    }

    // MARK: Writing

    private func take(_ answer: TransportAnswer) {
        guard context != nil else { return }
        underWay -= 1
        armAnswerDeadline()
        switch answer {
        case .response(let message): write(message) { $0.finish() }
        case .begun(let message, let stream):
            streamed = stream
            write(message) { $0.continueStream() }
        case .invalid, .silent: finish()
        }
    }

    /// One query is done with.
    private func finish() {
        watch.ended()
        answerWholeMessages()
        closeWhenDone()
    }

    private func write(_ message: [UInt8], then: @escaping (FrameHandler) -> Void) {
        guard let context else { return }
        outgoing.writeInteger(UInt16(truncatingIfNeeded: message.count))
        outgoing.writeBytes(message)
        unsent += message.count + 2
        afterwards.append(then)
        guard afterwards.count == 1 else { return }
        context.eventLoop.assumeIsolated().execute { [weak self] in self?.flush() }
    }

    private func flush() {
        guard let context else { return }
        let frames = outgoing
        let steps = afterwards
        outgoing = ByteBuffer()
        afterwards = []
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [weak self] _ in
            guard let self else { return }
            unsent -= frames.readableBytes
            for step in steps { step(self) }
        }
        context.writeAndFlush(wrapOutboundOut(frames), promise: sent)
    }

    private func continueStream() {
        guard let context, let stream = streamed else { return }
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        stream.next { next in
            eventLoop.execute { handler.value.takeNext(next) }
        }
    }

    private func takeNext(_ next: (message: [UInt8], isMore: Bool)?) {
        guard let context else { return }
        guard let next else { return context.close(promise: nil) }
        guard !next.isMore else { return write(next.message) { $0.continueStream() } }
        streamed = nil
        write(next.message) { $0.finish() }
    }

    private func closeWhenDone() {
        guard clientFinished, underWay == 0, unsent == 0, streamed == nil else { return }
        context?.close(promise: nil)
    }
}
