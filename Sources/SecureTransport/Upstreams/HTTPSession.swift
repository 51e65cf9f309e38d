import DNSServer
import DNSWire
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Queries as HTTP/2 requests, each on a stream of its own.
final class HTTPSession: UpstreamSession {
    private let call: any UpstreamCall
    private let pipeline: DrivenPipeline
    private let frames: FrameEnd
    private var open: [HTTP2StreamID: Request] = [:]
    private var streams: [UInt16: HTTP2StreamID] = [:]
    private var events: [UpstreamEvent] = []
    private var nextStream = 1
    private var isDirty = false
    private var isLeaving = false

    private struct Request {
        let id: UInt16
        let query: [UInt8]
        var reply = UpstreamReply()
        var hasHead = false
    }

    private static let longestMessage = 65535
    /// Such a message as gRPC has it.
    private static let longestBody = longestMessage + 4 + 5
    /// A window for bodies of any message, so that no stream's needs to be widened.
    private static let window = 1 << 17
    /// Octets of all streams that the peer may send at once (RFC 9113 §6.9.2).
    private static let connectionWindow = 65535

    init(_ call: any UpstreamCall, _ target: UpstreamTarget, _ peer: SocketAddress, _ security: TLSPart?) {
        self.call = call
        frames = FrameEnd(
            PeerWatch(target, isEncrypted: security != nil, wantedProtocol: security == nil ? nil : "h2"))
        let http = NIOHTTP2Handler(
            mode: .client,
            initialSettings: [
                HTTP2Setting(parameter: .enablePush, value: 0),
                HTTP2Setting(parameter: .initialWindowSize, value: Self.window),
                HTTP2Setting(parameter: .maxHeaderListSize, value: 16384),
            ])
        pipeline = DrivenPipeline(peer: peer, (security.map { [$0.handler] } ?? []) + [http, frames])
    }

    var isEstablished: Bool { frames.watch.isEstablished }
    /// Stream numbers are 31 bits long.
    var takesQueries: Bool { !isLeaving && frames.watch.end == nil && nextStream < 1 << 30 }

    // MARK: Asking

    func ask(_ query: [UInt8]) {
        guard query.count >= 12 else { return }
        let id = UInt16(query[0]) << 8 | UInt16(query[1])
        let stream = HTTP2StreamID(nextStream)
        nextStream += 2
        open[stream] = Request(id: id, query: query)
        streams[id] = stream
        let (head, body) = call.request(query)
        write(.headers(.init(headers: head, endStream: body == nil)), on: stream)
        if let body { write(.data(.init(data: .byteBuffer(pipeline.buffer(body)), endStream: true)), on: stream) }
    }

    func forget(_ id: UInt16) {
        guard let stream = streams.removeValue(forKey: id), open.removeValue(forKey: stream) != nil else { return }
        write(.rstStream(.cancel), on: stream)
    }

    private func write(_ payload: HTTP2Frame.FramePayload, on stream: HTTP2StreamID) {
        pipeline.write(HTTP2Frame(streamID: stream, payload: payload))
        isDirty = true
    }

    func takeOutgoing() -> [UInt8] {
        if isDirty {
            isDirty = false
            pipeline.flush()
        }
        return pipeline.takeOutgoing()
    }

    func end() { pipeline.close() }

    // MARK: Responses

    func take(_ octets: ByteView) {
        pipeline.receive(octets)
        for signal in frames.takeSignals() {
            switch signal {
            case .frame(let frame): take(frame)
            case .closed(let stream): lose(stream)
            case .window(let left): widen(left)
            }
        }
    }

    /// Lets the peer send on once it has used half; what came for queries that nobody waits for counts, too.
    private func widen(_ left: Int) {
        guard left <= Self.connectionWindow / 2 else { return }
        write(.windowUpdate(windowSizeIncrement: Self.connectionWindow - left), on: .rootStream)
    }

    private func take(_ frame: HTTP2Frame) {
        switch frame.payload {
        case .headers(let headers):
            take(headers.headers, on: frame.streamID)
            if headers.endStream { finish(frame.streamID) }
        case .data(let data):
            take(data, on: frame.streamID)
            if data.endStream { finish(frame.streamID) }
        case .goAway: isLeaving = true
        default: break
        }
    }

    private func take(_ headers: HPACKHeaders, on stream: HTTP2StreamID) {
        guard var request = open[stream] else { return }
        if request.hasHead {
            request.reply.trailers = headers
        } else if headers.first(name: ":status")?.hasPrefix("1") != true {
            // Another head follows an interim one (RFC 9110 §15.2).
            request.reply.head = headers
            request.hasHead = true
        }
        open[stream] = request
    }

    private func take(_ data: HTTP2Frame.FramePayload.Data, on stream: HTTP2StreamID) {
        guard case .byteBuffer(let octets) = data.data else { return }
        guard let request = open[stream] else { return }
        guard request.reply.body.count + octets.readableBytes <= Self.longestBody else {
            forget(request.id)
            return events.append(.refused(request.id, reason: "response too long"))
        }
        open[stream]?.reply.body.append(contentsOf: octets.readableBytesView)
    }

    private func finish(_ stream: HTTP2StreamID) {
        guard let request = open.removeValue(forKey: stream) else { return }
        streams[request.id] = nil
        do throws(UpstreamRefusal) {
            var message = try call.response(request.reply, to: request.query)
            guard message.count >= 12 else { throw UpstreamRefusal(reason: "short message") }
            guard message.count <= Self.longestMessage else { throw UpstreamRefusal(reason: "response too long") }
            message[0] = UInt8(truncatingIfNeeded: request.id >> 8)
            message[1] = UInt8(truncatingIfNeeded: request.id)
            events.append(.response(message))
        } catch {
            events.append(.refused(request.id, reason: error.reason))
        }
    }

    private func lose(_ stream: HTTP2StreamID) {
        guard let request = open.removeValue(forKey: stream) else { return }
        streams[request.id] = nil
        events.append(.lost(request.id, reason: "stream closed"))
    }

    func next() -> UpstreamEvent? {
        if !events.isEmpty { return events.removeFirst() }
        return frames.watch.end.map { .ended($0) }
    }
}

/// Where frames of the peer arrive.
private final class FrameEnd: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    enum Signal {
        case frame(HTTP2Frame)
        /// Whether or not it brought a response.
        case closed(HTTP2StreamID)
        /// How many octets the peer may still send on all streams.
        case window(Int)
    }

    private var signals: [Signal] = []
    var watch: PeerWatch

    init(_ watch: PeerWatch) { self.watch = watch }

    func takeSignals() -> [Signal] {
        defer { signals = [] }
        return signals
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        watch.spoke()
        signals.append(.frame(unwrapInboundIn(data)))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as StreamClosedEvent: signals.append(.closed(event.streamID))
        case let event as NIOHTTP2WindowUpdatedEvent where event.streamID == .rootStream:
            if let left = event.inboundWindowSize { signals.append(.window(left)) }
        default: break
        }
        watch.heard(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What is wrong with one stream closes that stream.
        if error is NIOHTTP2Errors.StreamError { return }
        watch.failed(error)
    }

    func channelInactive(context: ChannelHandlerContext) { watch.closed() }
}
