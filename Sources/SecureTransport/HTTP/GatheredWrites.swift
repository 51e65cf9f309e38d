import NIOCore

/// Sends by one system call what one read brought to be sent, or one wake of the event loop.
///
/// What is written between two flushes goes through TLS as one record, where frames are written in parts. Each flush still
/// has a record of its own: dnsperf takes no more than one HTTP response from a record.
final class GatheredWrites: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    /// Written since the last flush, and who wants to know that it is sent.
    private var octets = ByteBuffer()
    private var sent: EventLoopPromise<Void>?
    /// True while flushes wait for the end of what brought them.
    private var isHolding = false
    private var isUnflushed = false

    /// Octets of which a record is full (RFC 8446 §5.1): to gather more would only copy them.
    private static let record = 1 << 14

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        sent?.fail(ChannelError.ioOnClosedChannel)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isHolding = true
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        letGo()
    }

    /// Has everything that `body` flushes go out together.
    func together(_ body: () -> Void) {
        isHolding = true
        body()
        letGo()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        if octets.readableBytes == 0 { octets = part } else { octets.writeImmutableBuffer(part) }
        if let sent { sent.futureResult.cascade(to: promise) } else { sent = promise }
        if octets.readableBytes >= Self.record { pass(context) }
    }

    func flush(context: ChannelHandlerContext) {
        pass(context)
        if isHolding { isUnflushed = true } else { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        letGo()
        context.close(mode: mode, promise: promise)
    }

    /// GOAWAY for the stream 2^31-1 (RFC 9113 §6.8): "begin no more; what is on its way is answered". NIO would write it, too,
    /// but takes what the client had begun by then for an error of the connection.
    private static let goodbye: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

    func sayGoodbye() {
        guard let context else { return }
        pass(context)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: Self.goodbye)), promise: nil)
    }

    private func pass(_ context: ChannelHandlerContext) {
        guard octets.readableBytes > 0 || sent != nil else { return }
        let (octets, sent) = (octets, sent)
        (self.octets, self.sent) = (ByteBuffer(), nil)
        context.write(wrapOutboundOut(octets), promise: sent)
    }

    private func letGo() {
        isHolding = false
        guard isUnflushed else { return }
        isUnflushed = false
        context?.flush()
    }
}
