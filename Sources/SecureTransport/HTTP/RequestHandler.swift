import DNSServer
import NIOCore
import NIOHTTP1

/// Answers the requests of one HTTP/1.1 connection, one after another.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case reading(HTTPRequestHead, body: [UInt8])
        case answering(HTTPRequestHead)
        /// The response was given early: what is left of the request is not wanted.
        case skipping
        /// Nothing more is answered.
        case finished
    }

    private let form = DNSOverHTTPS()
    private let entrance: Entrance
    private let client: Client
    private let watch: ConnectionWatch
    private var context: ChannelHandlerContext?
    private var state = State.idle
    private let deadline = Deadline()
    private let writeDeadline = Deadline()
    private var isWriting = false
    /// True when the response said that the connection ends with it.
    private var isLast = false
    /// How many requests the watch counts for this handler.
    private var open = 0
    /// Octets of the body that the watch counts.
    private var kept = 0

    init(_ entrance: Entrance, _ client: Client, _ watch: ConnectionWatch) {
        self.entrance = entrance
        self.client = client
        self.watch = watch
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline.cancel()
        writeDeadline.cancel()
        release()
        while open > 0 { finish() }
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What could not be read as HTTP has its response already.
        state = .finished
        context.close(promise: nil)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let part): keep(part)
        case .end: end()
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard case .idle = state else { return }
        open += 1
        watch.began()
        deadline.arm(entrance.limits.request, on: context) { [watch] in watch.close() }
        if let refusal = form.refusal(of: head) { return refuse(refusal, head, closes: false) }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > form.longestBody {
            return refuse(form.tooLong, head, closes: true)
        }
        state = .reading(head, body: [])
    }

    private func keep(_ part: ByteBuffer) {
        guard case .reading(let head, var body) = state else { return }
        let count = part.readableBytes
        guard body.count + count <= form.longestBody else { return refuse(form.tooLong, head, closes: true) }
        kept += count
        guard watch.keep(count) else { return watch.close() }
        state = .idle  // Else `body` would be copied for each part.
        body.append(contentsOf: part.readableBytesView)
        state = .reading(head, body: body)
    }

    private func release() {
        watch.release(kept)
        kept = 0
    }

    private func end() {
        if case .skipping = state {
            deadline.cancel()
            state = isLast ? .finished : .idle
            return closeWhenDone()
        }
        guard case .reading(let head, let body) = state, let context else { return }
        release()
        do throws(HTTPReply) {
            let message = try form.query(in: body, of: head)
            state = .answering(head)
            post(message, context)
        } catch {
            respond(error, head)
        }
    }

    private func post(_ message: [UInt8], _ context: ChannelHandlerContext) {
        deadline.arm(entrance.limits.answer, on: context) { [watch] in watch.close() }
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        let query = entrance.query(message, from: client) { answer in
            eventLoop.execute { handler.value.take(answer) }
        }
        entrance.post([query])
    }

    private func take(_ answer: TransportAnswer) {
        guard case .answering(let head) = state, context != nil else { return }
        respond(form.reply(to: answer), head)
    }

    // MARK: Writing

    /// Responds before the request is whole. A client may read that only when it has sent all, so the rest is skipped
    /// for a while, not cut off.
    private func refuse(_ reply: HTTPReply, _ head: HTTPRequestHead, closes: Bool) {
        guard let context else { return }
        release()
        respond(reply, head, closes: closes, isEarly: true)
        deadline.arm(entrance.limits.request, on: context) { [weak self] in self?.context?.close(promise: nil) }
    }

    private func respond(_ reply: HTTPReply, _ head: HTTPRequestHead, closes: Bool = false, isEarly: Bool = false) {
        guard let context else { return }
        deadline.cancel()
        entrance.countResponse(status: reply.status.code)
        isLast = closes || !head.isKeepAlive
        var headers = HTTPHeaders(reply.headers.map { ($0.name, $0.value) })
        headers.add(name: "content-length", value: String(reply.body.count))
        if isLast { headers.add(name: "connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: reply.status, headers: headers))),
            promise: nil)
        if !reply.body.isEmpty, head.method != .HEAD {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: reply.body)))), promise: nil)
        }
        // The next request may come within the write of the end.
        state = isEarly ? .skipping : isLast ? .finished : .idle
        isWriting = true
        writeDeadline.arm(entrance.limits.write, on: context) { [watch] in watch.close() }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.sent() }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }

    private func sent() {
        isWriting = false
        writeDeadline.cancel()
        finish()
        closeWhenDone()
    }

    private func closeWhenDone() {
        guard isLast, !isWriting, case .finished = state else { return }
        context?.close(promise: nil)
    }

    /// One request is done with.
    private func finish() {
        guard open > 0 else { return }
        open -= 1
        watch.ended()
    }
}
