import Corefile
import DNSServer
import NIOCore
import NIOHTTP1
import NIOHTTP2

/// Fits a new connection with what is spoken at its place.
struct ConnectionSetUp {
    let entrance: Entrance
    let client: Client
    let watch: ConnectionWatch

    func speakFrames(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(FrameHandler(entrance, client, watch))
    }

    /// HTTP/2 or HTTP/1.1, as the client chose in its handshake (RFC 7301).
    func negotiateHTTP(_ channel: any Channel) throws {
        let setUp = NIOLoopBound(self, eventLoop: channel.eventLoop)
        _ = channel.configureHTTP2SecureUpgrade(
            h2ChannelConfigurator: { channel in
                channel.eventLoop.makeCompletedFuture {
                    try setUp.value.speakHTTP2(channel, form: DNSOverHTTPS())
                }
            },
            http1ChannelConfigurator: { channel in
                channel.eventLoop.makeCompletedFuture { try setUp.value.speakHTTP1(channel) }
            })
        try channel.pipeline.syncOperations.addHandler(ErrorHandler())
    }

    func speakHTTP1(_ channel: any Channel) throws {
        watch.countsOctets = true
        var limits = NIOHTTPDecoderLimitConfiguration()
        // The longest query in a path is 87,382 characters.
        limits.maxHeaderFieldSize = 96 * 1024
        limits.maxHeaderListSize = 128 * 1024
        limits.maxHeaderFieldCount = 64
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: true, withErrorHandling: true, withOutboundHeaderValidation: true,
            withEncoderConfiguration: HTTPResponseEncoder.Configuration(), withDecoderLimitConfiguration: limits)
        try pipeline.addHandler(RequestHandler(entrance, client, watch))
    }

    func speakHTTP2(_ channel: any Channel, form: any QueryForm) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: entrance.limits.requests),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 16 * 1024),
        ]
        connection.maximumBufferedControlFrames = 1000
        if entrance.place.scheme == .grpc {
            connection.controlFrameRateLimit.maximumCount = entrance.limits.pings
            connection.controlFrameRateLimit.windowLength = .seconds(1)
        }
        let writes = GatheredWrites()
        try channel.pipeline.syncOperations.addHandlers(
            writes, NIOHTTP2Handler(mode: .server, connectionConfiguration: connection),
            RequestStreams(form, entrance, client, watch, writes))
    }
}

/// Closes a connection on which something went wrong that has no other consequence.
final class ErrorHandler: ChannelInboundHandler {
    typealias InboundIn = Never

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
