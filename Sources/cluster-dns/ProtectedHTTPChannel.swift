import HummingbirdCore
import Logging
import NIOCore
import SecureTransport

/// HTTP/1.1 behind the TLS that the address of a page has at the moment, or none.
struct ProtectedHTTPChannel: ServerChildChannel {
    let security: PageSecurity
    let connections: PageConnections
    let base: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        connections.take(channel)
        do {
            try security.protect(channel)
            try channel.pipeline.syncOperations.addHandler(RequestLimit())
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return base.setup(channel: channel, logger: logger).map { value in
            // A server that ends drops those it has accepted and not looked at yet, and NIO ends the process over a writer that
            // is dropped before its channel is closed.
            channel.closeFuture.whenComplete { _ in withExtendedLifetime(value) {} }
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
