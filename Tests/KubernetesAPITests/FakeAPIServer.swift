import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import KubernetesAPI

/// An HTTP server on loopback that answers each request as the test says.
final class FakeAPIServer: Sendable {
    struct Request: Sendable {
        var path: String
        var query: [String: String]
        var token: String?
        /// Requests before this one.
        var index: Int
    }

    struct Answer: Sendable {
        var status = 200
        var headers = ["Content-Type": "application/json"]
        var chunks: [[UInt8]] = []
        /// The body does not end: a watch that stays open.
        var staysOpen = false

        static func json(_ text: String, status: Int = 200, staysOpen: Bool = false) -> Answer {
            Answer(status: status, chunks: [Array(text.utf8)], staysOpen: staysOpen)
        }
    }

    private let answer: @Sendable (Request) -> Answer
    private let seen = Mutex<[Request]>([])
    private let port = Mutex(0)
    private let listener = Mutex<(any Channel)?>(nil)

    init(_ answer: @escaping @Sendable (Request) -> Answer) async throws {
        self.answer = answer
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port.withLock { $0 = channel.localAddress?.port ?? 0 }
        listener.withLock { $0 = channel }
    }

    var url: String { "http://127.0.0.1:\(port.withLock { $0 })" }
    var requests: [Request] { seen.withLock { $0 } }

    func connection(_ change: (inout APIEndpoint, inout APIConnection.Limits) -> Void = { _, _ in }) throws
        -> APIConnection
    {
        var endpoint = try APIEndpoint(url: url)
        var limits = APIConnection.Limits()
        change(&endpoint, &limits)
        return try APIConnection(endpoint, limits: limits)
    }

    func stop() async { try? await listener.withLock { $0 }?.close().get() }

    fileprivate func reply(_ head: HTTPRequestHead) -> Answer {
        let parts = head.uri.split(separator: "?", maxSplits: 1)
        var query: [String: String] = [:]
        for pair in parts.dropFirst().first?.split(separator: "&") ?? [] {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(sides[0])] = sides.count > 1 ? String(sides[1]) : ""
        }
        let request = seen.withLock { seen in
            let request = Request(
                path: String(parts.first ?? ""), query: query, token: head.headers.first(name: "authorization"),
                index: seen.count)
            seen.append(request)
            return request
        }
        return answer(request)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let server: FakeAPIServer

        init(_ server: FakeAPIServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            let answer = server.reply(head)
            let responseHead = HTTPResponseHead(
                version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status),
                headers: HTTPHeaders(answer.headers.map { ($0.key, $0.value) }))
            context.write(wrapOutboundOut(.head(responseHead)), promise: nil)
            for chunk in answer.chunks {
                context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: chunk)))), promise: nil)
            }
            if answer.staysOpen {
                context.flush()
            } else {
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
