import NIOCore

/// Closes a connection to a page whose client sends more than any request for a page needs: pages take no bodies, and what
/// is read of one that never ends is work for nothing.
final class RequestLimit: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Octets between two responses; the HTTP library itself refuses a header of more than 80 KiB or 1,000 fields.
    static let octets = 128 * 1024
    private var received = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += Self.unwrapInboundIn(data).readableBytes
        guard received <= Self.octets else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        received = 0
        context.write(data, promise: promise)
    }
}
