import DNSServer
import DNSWire
import NIOCore

/// DNS over TLS (RFC 7858): messages behind their lengths, all that wait in one record.
final class FramedTLSSession: UpstreamSession {
    private let pipeline: DrivenPipeline
    private let messages: MessageEnd
    private var questions: [UInt8] = []

    init(_ target: UpstreamTarget, _ security: TLSPart) {
        messages = MessageEnd(PeerWatch(target, isEncrypted: true))
        pipeline = DrivenPipeline(peer: security.judgedAddress, [security.handler, messages])
    }

    var isEstablished: Bool { messages.watch.isEstablished }
    var takesQueries: Bool { messages.watch.end == nil }

    func ask(_ query: [UInt8]) { MessageFraming.append(query, to: &questions) }

    func forget(_ id: UInt16) {}

    func takeOutgoing() -> [UInt8] {
        // Until the handshake is done they gather, so that they leave together.
        if isEstablished, !questions.isEmpty {
            pipeline.write(pipeline.buffer(questions))
            pipeline.flush()
            questions = []
        }
        return pipeline.takeOutgoing()
    }

    func take(_ octets: ByteView) { pipeline.receive(octets) }

    func next() -> UpstreamEvent? {
        switch messages.framing.next() {
        case .message(let message): .response(message)
        case .broken: .ended(UpstreamSessionEnd("short message"))
        case .incomplete: messages.watch.end.map { .ended($0) }
        }
    }

    func end() { pipeline.close() }
}

/// Where plain octets of the peer arrive.
private final class MessageEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var framing = MessageFraming()
    var watch: PeerWatch

    init(_ watch: PeerWatch) { self.watch = watch }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        watch.spoke()
        framing.append(unwrapInboundIn(data).readableBytesView)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { watch.heard(event) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { watch.failed(error) }

    func channelInactive(context: ChannelHandlerContext) { watch.closed() }
}
