import DNSServer
import EventLoop
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A connection through TLS on one of NIO's own threads, for those who have no loop.
final class TLSStream: OctetStream {
    private let channel: any Channel
    private let state: StreamState

    /// For the connection, and for the handshake.
    private static let patience = TimeAmount.seconds(5)

    private init(_ channel: any Channel, _ state: StreamState) {
        self.channel = channel
        self.state = state
    }

    deinit { channel.close(promise: nil) }

    /// Connects, and waits until the peer has shown who it is.
    static func open(
        _ target: UpstreamTarget, _ context: NIOSSLContext
    ) async throws(UpstreamStreamFailure) -> TLSStream {
        let loop: any NIOCore.EventLoop
        do { loop = try SharedThreads.group().next() } catch { throw UpstreamStreamFailure(reason: "\(error)") }
        let established = loop.makePromise(of: Void.self)
        let state = StreamState()
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(patience).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = StreamHandler(state, PeerWatch(target, isEncrypted: true), established)
                try channel.pipeline.syncOperations.addHandlers([try TLSPart(context, target).handler, handler])
            }
        }
        do {
            let channel = try await bootstrap.connect(to: NIOCore.SocketAddress(target.address)).get()
            let deadline = loop.scheduleTask(in: patience) { channel.close(promise: nil) }
            try await established.futureResult.get()
            deadline.cancel()
            return TLSStream(channel, state)
        } catch {
            established.fail(error)
            let reason = (error as? IOError).map { SystemError(call: "connect", code: $0.errnoCode).description }
            throw UpstreamStreamFailure(reason: state.failure ?? reason ?? "\(error)")
        }
    }

    func read() -> OctetStreamRead { state.read() }

    func write(_ octets: [UInt8]) -> StreamSocket.Transferred {
        let reserved = state.reserve(octets.count)
        guard case .octets(let count) = reserved else { return reserved }
        channel.writeAndFlush(channel.allocator.buffer(bytes: octets[..<count])).whenComplete { [state] _ in
            state.release(count)
        }
        return reserved
    }

    var isFlushed: Bool { state.isFlushed }
    var failure: String? { state.failure }
}

/// What the two sides of a connection tell each other.
private final class StreamState: Sendable {
    private struct Content {
        var received: [UInt8] = []
        var unsent = 0
        var isClosed = false
        var failure: String?
    }

    private let content = Mutex(Content())

    /// Octets that may wait, each way.
    private static let room = 1 << 18

    var failure: String? { content.withLock { $0.failure } }
    var isFlushed: Bool { content.withLock { $0.unsent == 0 || $0.isClosed } }

    func read() -> OctetStreamRead {
        content.withLock { content in
            guard !content.received.isEmpty else { return content.isClosed ? .closed : .nothing }
            defer { content.received = [] }
            return .octets(content.received)
        }
    }

    /// How many of `count` octets may be written now.
    func reserve(_ count: Int) -> StreamSocket.Transferred {
        content.withLock { content in
            guard !content.isClosed else { return .closed }
            let taken = min(count, Self.room - content.unsent)
            guard taken > 0 else { return .wouldBlock }
            content.unsent += taken
            return .octets(taken)
        }
    }

    func release(_ count: Int) { content.withLock { $0.unsent -= count } }

    /// False when nobody reads what comes.
    func receive(_ octets: ByteBuffer) -> Bool {
        content.withLock { content in
            content.received.append(contentsOf: octets.readableBytesView)
            return content.received.count <= Self.room
        }
    }

    func close(_ failure: String?) {
        content.withLock { content in
            content.isClosed = true
            if content.failure == nil { content.failure = failure }
        }
    }
}

/// Where plain octets of the peer arrive.
private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let state: StreamState
    private var watch: PeerWatch
    private let established: EventLoopPromise<Void>

    init(_ state: StreamState, _ watch: PeerWatch, _ established: EventLoopPromise<Void>) {
        self.state = state
        self.watch = watch
        self.established = established
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        watch.spoke()
        if !state.receive(unwrapInboundIn(data)) { context.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        watch.heard(event)
        if watch.isEstablished { established.succeed() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        watch.failed(error)
        state.close(watch.end?.reason)
        established.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.close(nil)
        established.fail(ChannelError.eof)
    }
}
