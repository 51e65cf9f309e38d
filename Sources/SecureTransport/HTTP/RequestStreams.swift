import DNSServer
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2

/// Answers the requests of one HTTP/2 connection, each on a stream of its own (RFC 9113). A stream is a value here, not
/// a channel, which would cost more than its answer.
final class RequestStreams: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private struct Stream {
        var state: State
        /// When what it waits for is late.
        var due: NIODeadline
        /// Octets of the body that the watch counts.
        var kept = 0
    }

    private enum State {
        case reading(HTTPRequestHead, body: [UInt8])
        case answering
        /// The response was given early: what is left of the request is not wanted.
        case skipping
        /// The response waits for the client's windows.
        case responding
    }

    private let form: any QueryForm
    private let entrance: Entrance
    private let client: Client
    private let watch: ConnectionWatch
    private let writes: GatheredWrites
    private let limits: SecureLimits
    private var context: ChannelHandlerContext?
    /// By which the loops hand answers over.
    private var box: AnswerBox<(HTTP2StreamID, TransportAnswer)>?
    private var streams: [HTTP2StreamID: Stream] = [:]
    /// Of the requests that one read brought: they go to one loop together.
    private var queries: [TransportQuery] = []
    private let deadline = Deadline()
    /// When streams are looked through for what is late.
    private var lookTime = NIODeadline.distantFuture

    /// Octets a client may send ahead, on a stream and on all of them: HTTP/2's own number.
    private static let window = 65535

    init(
        _ form: any QueryForm, _ entrance: Entrance, _ client: Client, _ watch: ConnectionWatch,
        _ writes: GatheredWrites
    ) {
        self.form = form
        self.entrance = entrance
        self.client = client
        self.watch = watch
        self.writes = writes
        limits = entrance.limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        box = AnswerBox(context.eventLoop) { [weak self] in self?.take($0) }
        watch.sayGoodbye = { [weak self] in self?.writes.sayGoodbye() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline.cancel()
        for stream in streams.keys { forget(stream) }
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // One stream's fault is not the others'.
        if error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.payload {
        case .headers(let headers):
            // Those behind a body say nothing that is of use.
            if streams[frame.streamID] == nil { begin(headers.headers, on: frame.streamID) }
            if headers.endStream { end(frame.streamID) }
        case .data(let data):
            if case .byteBuffer(let part) = data.data { keep(part, on: frame.streamID) }
            if data.endStream { end(frame.streamID) }
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard !queries.isEmpty else { return }
        entrance.post(queries)
        queries = []
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let closed as StreamClosedEvent: forget(closed.streamID)
        case let change as NIOHTTP2WindowUpdatedEvent: widen(change)
        default: break
        }
    }

    private func begin(_ headers: HPACKHeaders, on stream: HTTP2StreamID) {
        let head = HTTPRequestHead(headers)
        watch.began()
        streams[stream] = Stream(state: .reading(head, body: []), due: .distantFuture)
        expect(within: limits.request, on: stream)
        if let refusal = form.refusal(of: head) { return refuse(refusal, head, on: stream) }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > form.longestBody {
            refuse(form.tooLong, head, on: stream)
        }
    }

    private func keep(_ part: ByteBuffer, on stream: HTTP2StreamID) {
        guard case .reading(let head, var body)? = streams[stream]?.state else { return }
        let count = part.readableBytes
        guard body.count + count <= form.longestBody else { return refuse(form.tooLong, head, on: stream) }
        streams[stream]?.kept += count
        guard watch.keep(count) else { return watch.close() }
        streams[stream]?.state = .skipping  // Else `body` would be copied for each part.
        body.append(contentsOf: part.readableBytesView)
        streams[stream]?.state = .reading(head, body: body)
    }

    private func end(_ stream: HTTP2StreamID) {
        switch streams[stream]?.state {
        case .reading(let head, let body):
            release(stream)
            do throws(HTTPReply) {
                ask(try form.query(in: body, of: head), on: stream)
            } catch {
                respond(error, on: stream)
            }
        case .skipping: wait(.responding, for: limits.write, on: stream)
        default: break
        }
    }

    private func ask(_ message: [UInt8], on stream: HTTP2StreamID) {
        guard let box else { return }
        wait(.answering, for: limits.answer, on: stream)
        queries.append(entrance.query(message, from: client) { box.put((stream, $0)) })
    }

    /// Lets the client send on, once it has used half of a window.
    private func widen(_ change: NIOHTTP2WindowUpdatedEvent) {
        guard let left = change.inboundWindowSize, left <= Self.window / 2 else { return }
        if change.streamID != .rootStream {
            switch streams[change.streamID]?.state {
            case .reading, .skipping: break
            default: return
            }
        }
        write(.windowUpdate(windowSizeIncrement: Self.window - left), on: change.streamID)
        context?.flush()
    }

    // MARK: Writing

    private func take(_ answers: [(HTTP2StreamID, TransportAnswer)]) {
        writes.together {
            for (stream, answer) in answers {
                guard case .answering? = streams[stream]?.state else { continue }
                respond(form.reply(to: answer), on: stream)
            }
        }
    }

    /// Responds before the request is whole. A client may read that only when it has sent all, so the rest is skipped
    /// for a while, not cut off.
    private func refuse(_ reply: HTTPReply, _ head: HTTPRequestHead, on stream: HTTP2StreamID) {
        release(stream)
        respond(reply, on: stream, hasBody: head.method != .HEAD)
        wait(.skipping, for: limits.request, on: stream)
    }

    private func respond(_ reply: HTTPReply, on stream: HTTP2StreamID, hasBody: Bool = true) {
        entrance.countResponse(status: reply.status.code)
        wait(.responding, for: limits.write, on: stream)
        var head = HPACKHeaders([(":status", String(reply.status.code))])
        head.add(contentsOf: reply.headers.map { ($0.name, $0.value) })
        if reply.trailers == nil { head.add(name: "content-length", value: String(reply.body.count)) }
        let body = hasBody && !reply.body.isEmpty
        write(.headers(.init(headers: head, endStream: !body && reply.trailers == nil)), on: stream)
        if body {
            let octets = ByteBuffer(bytes: reply.body)
            write(.data(.init(data: .byteBuffer(octets), endStream: reply.trailers == nil)), on: stream)
        }
        if let trailers = reply.trailers {
            let fields = HPACKHeaders(trailers.map { ($0.name, $0.value) })
            write(.headers(.init(headers: fields, endStream: true)), on: stream)
        }
        context?.flush()
    }

    private func write(_ payload: HTTP2Frame.FramePayload, on stream: HTTP2StreamID) {
        context?.write(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: nil)
    }

    // MARK: Streams

    private func wait(_ state: State, for time: TimeAmount, on stream: HTTP2StreamID) {
        streams[stream]?.state = state
        expect(within: time, on: stream)
    }

    private func expect(within time: TimeAmount, on stream: HTTP2StreamID) {
        guard let context else { return }
        let due = context.eventLoop.now + time
        streams[stream]?.due = due
        look(at: due)
    }

    private func look(at time: NIODeadline) {
        guard time < lookTime, let context else { return }
        lookTime = time
        deadline.arm(time - context.eventLoop.now, on: context) { [weak self] in self?.look() }
    }

    /// Ends the connection when anything is late, but a stream alone when it is one whose response was given early.
    private func look() {
        guard let now = context?.eventLoop.now else { return }
        lookTime = .distantFuture
        for (stream, content) in streams where content.due <= now {
            guard case .skipping = content.state else { return watch.close() }
            wait(.responding, for: limits.write, on: stream)
            write(.rstStream(.cancel), on: stream)
        }
        context?.flush()
        if let next = streams.values.map(\.due).min() { look(at: next) }
    }

    private func release(_ stream: HTTP2StreamID) {
        watch.release(streams[stream]?.kept ?? 0)
        streams[stream]?.kept = 0
    }

    /// Both sides are done with it, or one has reset it.
    private func forget(_ stream: HTTP2StreamID) {
        guard let gone = streams.removeValue(forKey: stream) else { return }
        watch.release(gone.kept)
        watch.ended()
    }
}

extension HTTPRequestHead {
    /// As far as it is read here; what has no path has an empty one.
    init(_ headers: HPACKHeaders) {
        self.init(
            version: .http2, method: HTTPMethod(rawValue: headers.first(name: ":method") ?? ""),
            uri: headers.first(name: ":path") ?? "", headers: HTTPHeaders(headers.map { ($0.name, $0.value) }))
    }
}
