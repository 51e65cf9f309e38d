import DNSWire
import NIOCore
import NIOEmbedded

/// NIO's handlers without NIO's threads and sockets: whoever has octets of the peer puts them in, on the loop that
/// waits for them, and takes out what is to be sent.
final class DrivenPipeline {
    private let loop = EmbeddedEventLoop()
    private let channel: EmbeddedChannel
    private let wire = WireEnd()
    private var isOpen = true

    /// - Parameters:
    ///   - peer: what handlers are told about the other end.
    ///   - handlers: from the wire up.
    init(peer: NIOCore.SocketAddress, _ handlers: [any ChannelHandler]) {
        channel = EmbeddedChannel(handlers: [wire] + handlers, loop: loop)
        channel.remoteAddress = peer
        channel.connect(to: peer, promise: nil)
        loop.run()
    }

    /// Octets of the peer.
    func receive(_ octets: ByteView) {
        guard isOpen else { return }
        let way = channel.pipeline.syncOperations
        way.fireChannelRead(NIOAny(channel.allocator.buffer(bytes: octets.array)))
        way.fireChannelReadComplete()
        loop.run()
    }

    func write(_ value: some Any) {
        guard isOpen else { return }
        channel.pipeline.syncOperations.write(NIOAny(value), promise: nil)
    }

    func flush() {
        guard isOpen else { return }
        channel.pipeline.syncOperations.flush()
        loop.run()
    }

    func buffer(_ octets: [UInt8]) -> ByteBuffer { channel.allocator.buffer(bytes: octets) }

    /// What handlers wrote since it was taken last.
    func takeOutgoing() -> [UInt8] {
        guard !wire.octets.isEmpty else { return [] }
        defer { wire.octets = [] }
        return wire.octets
    }

    /// Ends it, and all that waits in it.
    func close() {
        guard isOpen else { return }
        isOpen = false
        channel.pipeline.syncOperations.close(mode: .all, promise: nil)
        // Handlers wait for the peer's farewell; here nobody does.
        loop.advanceTime(by: .hours(1))
    }
}

/// Where octets for the peer arrive.
private final class WireEnd: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var octets: [UInt8] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        octets.append(contentsOf: unwrapOutboundIn(data).readableBytesView)
        promise?.succeed(())
    }

    func flush(context: ChannelHandlerContext) {}
}
