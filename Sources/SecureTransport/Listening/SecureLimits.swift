import DNSServer
package import NIOCore

/// How much one client may ask of an encrypted listener.
package struct SecureLimits: Sendable {
    /// From the connection to the end of its first message, handshake included.
    package var first = TimeAmount.seconds(3)
    /// Between messages.
    package var idle = TimeAmount.seconds(10)
    /// Between messages when more than four fifths of all connections are taken.
    package var idleWhenCrowded = TimeAmount.seconds(1)
    /// From the first octet of a framed message to its last.
    package var message = TimeAmount.seconds(2)
    /// From the head of an HTTP request to its end.
    package var request = TimeAmount.seconds(3)
    /// For a client to take a response.
    package var write = TimeAmount.seconds(5)
    /// For a query to be answered; nothing may wait for ever.
    package var answer = TimeAmount.seconds(30)
    /// Open connections of one listener that frames messages (RFC 7858), and of one client on it.
    package var streamConnections = 4096
    package var streamConnectionsPerClient = 256
    /// Open connections of one listener that speaks HTTP.
    package var httpConnections = 200
    /// HTTP/2 streams of one connection.
    package var requests = 256
    /// PING and SETTINGS frames of one connection in a second, where clients measure by them: gRPC's own client sends
    /// one PING for each round trip on which something came.
    package var pings = 4000
    /// Queries of one framed connection under way at once.
    package var pipelined = 64
    /// Queries of one framed connection; it ends with the last of them.
    package var queries = Int.max
    /// Octets of responses held for one framed connection.
    package var unsent = 128 * 1024
    /// Octets of unfinished requests held for one HTTP connection.
    package var unread = 512 * 1024

    package init() {}

    /// These, but for what a configuration says.
    func applying(_ settings: EndpointLimits) -> SecureLimits {
        var limits = self
        limits.httpConnections = settings.connections ?? httpConnections
        limits.requests = settings.requests ?? requests
        func time(_ nanoseconds: UInt64?) -> TimeAmount? { nanoseconds.map { .nanoseconds(Int64(clamping: $0)) } }
        limits.message = time(settings.times.message) ?? message
        limits.request = time(settings.times.message) ?? request
        limits.write = time(settings.times.write) ?? write
        limits.idle = time(settings.times.idle) ?? idle
        limits.queries = settings.times.queries ?? queries
        return limits
    }
}
