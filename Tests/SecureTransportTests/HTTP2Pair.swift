import Corefile
import DNSServer
import DNSWire
import EventLoop
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Synchronization
import Telemetry

@testable import SecureTransport

/// One HTTP/2 connection in memory: a client by frames, our end of it, and a loop whose answers the test gives.
final class HTTP2Pair {
    /// What a client got on one stream.
    struct Response: Equatable {
        var status: String?
        var fields: [String: String] = [:]
        var body: [UInt8] = []
        /// Octets of each DATA frame.
        var pieces: [Int] = []
        var hasEnded = false
        var reset: HTTP2ErrorCode?
    }

    private final class Asked: Sendable {
        let batches = Mutex<[[TransportQuery]]>([])
    }

    /// Where frames of the server arrive.
    private final class FrameEnd: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame
        var responses: [HTTP2StreamID: Response] = [:]
        var goAways = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            var response = responses[frame.streamID] ?? Response()
            switch frame.payload {
            case .headers(let headers):
                response.status = response.status ?? headers.headers.first(name: ":status")
                for (name, value, _) in headers.headers { response.fields[name] = value }
                response.hasEnded = headers.endStream
            case .data(let data):
                guard case .byteBuffer(let octets) = data.data else { return }
                response.body += octets.readableBytesView
                response.pieces.append(octets.readableBytes)
                response.hasEnded = data.endStream
            case .rstStream(let code): response.reset = code
            case .goAway: goAways += 1
            default: return
            }
            responses[frame.streamID] = response
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }

    /// What the server hands to its socket.
    private final class Wire: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        var writes = 0
        var flushes = 0

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            writes += 1
            context.write(data, promise: promise)
        }

        func flush(context: ChannelHandlerContext) {
            flushes += 1
            context.flush()
        }
    }

    let limits: SecureLimits
    let server: EmbeddedChannel
    let client = EmbeddedChannel()
    let watch: ConnectionWatch
    private let wire = Wire()
    private let frames = FrameEnd()
    private let asked = Asked()
    private var nextStream: HTTP2StreamID = 1

    /// - Parameters:
    ///   - scheme: `https`, or `grpc`.
    ///   - window: octets that the client takes on a stream before it has widened its window.
    init(_ scheme: ServerScheme = .https, window: Int = 65535, limits: SecureLimits = SecureLimits()) throws {
        self.limits = limits
        let address = SecureEndpoint.Address(IPAddress(v4: 0xC000_0201), port: 443)
        let asked = asked
        let entrance = Entrance(
            place: SecureEndpoint.Place(scheme: scheme, address: address), metrics: MetricRegistry(), limits: limits
        ) { queries in asked.batches.withLock { $0.append(queries) } }
        watch = ConnectionWatch(Connections(entrance), limits, ConnectionUse())
        server = EmbeddedChannel(handlers: [wire, watch])
        let anywhere = try NIOCore.SocketAddress(unixDomainSocketPath: "/")
        server.connect(to: anywhere, promise: nil)
        client.connect(to: anywhere, promise: nil)
        let form: any QueryForm = scheme == .https ? DNSOverHTTPS() : DNSOverGRPC()
        try ConnectionSetUp(entrance: entrance, client: Client(address: address, isEncrypted: true), watch: watch)
            .speakHTTP2(server, form: form)
        let settings = [HTTP2Setting(parameter: .initialWindowSize, value: window)]
        try client.pipeline.syncOperations.addHandlers(
            NIOHTTP2Handler(mode: .client, initialSettings: settings), frames)
        try exchange()
    }

    // MARK: The client

    /// Writes the head of a request, and its body where there is one; nothing goes out before `exchange`.
    @discardableResult
    func start(
        _ method: String = "POST", _ path: String = "/dns-query", _ body: [UInt8]? = nil, ends: Bool = true,
        fields: [(String, String)] = []
    ) -> HTTP2StreamID {
        let stream = nextStream
        nextStream = stream.advanced(by: 2)
        var head: HPACKHeaders = [":method": method, ":scheme": "https", ":authority": "dns.test"]
        if method != "CONNECT" { head.add(name: ":path", value: path) }
        if method == "CONNECT" { head.remove(name: ":scheme") }
        head.add(contentsOf: fields)
        write(.headers(.init(headers: head, endStream: ends && body == nil)), on: stream)
        if let body { send(body, on: stream, ends: ends) }
        return stream
    }

    func send(_ body: [UInt8], on stream: HTTP2StreamID, ends: Bool) {
        write(.data(.init(data: .byteBuffer(ByteBuffer(bytes: body)), endStream: ends)), on: stream)
    }

    func write(_ payload: HTTP2Frame.FramePayload, on stream: HTTP2StreamID) {
        client.writeAndFlush(HTTP2Frame(streamID: stream, payload: payload), promise: nil)
    }

    /// Octets that the client has written.
    func takeOutgoing() throws -> [UInt8] {
        var octets: [UInt8] = []
        while let part = try client.readOutbound(as: ByteBuffer.self) { octets += part.readableBytesView }
        return octets
    }

    /// One read of the server.
    func receive(_ octets: some Sequence<UInt8>) throws { try server.writeInbound(ByteBuffer(bytes: octets)) }

    /// Carries octets both ways, all that there are in one read, until both are silent.
    func exchange() throws {
        for _ in 0..<1000 {
            let there = try takeOutgoing()
            if !there.isEmpty { try receive(there) }
            var back = ByteBuffer()
            while var part = try server.readOutbound(as: ByteBuffer.self) { back.writeBuffer(&part) }
            if there.isEmpty, back.readableBytes == 0 { return }
            if back.readableBytes > 0 { try client.writeInbound(back) }
        }
    }

    func response(_ stream: HTTP2StreamID) -> Response? { frames.responses[stream] }
    var goAways: Int { frames.goAways }
    /// The server has closed the connection.
    var isClosed: Bool { !server.isActive }
    /// What the server did to its socket since it was asked last.
    func takeSent() -> (writes: Int, flushes: Int) {
        defer { (wire.writes, wire.flushes) = (0, 0) }
        return (wire.writes, wire.flushes)
    }

    func wait(_ time: TimeAmount) { server.embeddedEventLoop.advanceTime(by: time) }

    // MARK: The loop

    /// Queries that were handed over, those of one read together.
    var batches: [[TransportQuery]] { asked.batches.withLock { $0 } }
    var queries: [TransportQuery] { batches.flatMap { $0 } }

    /// Gives answers, all at once.
    func answer(_ answers: [(TransportQuery, [UInt8])]) throws {
        for (query, message) in answers { query.answered(.response(message)) }
        server.embeddedEventLoop.run()
        try exchange()
    }
}
