/// How long clients over streams may take, in nanoseconds, and how much they may ask; nil where nothing is said.
package struct StreamTimes: Hashable, Sendable {
    /// From the first octet of a message to its last.
    package var message: UInt64?
    /// For which responses may stay unread.
    package var write: UInt64?
    /// Between messages.
    package var idle: UInt64?
    /// Queries of one connection.
    package var queries: Int?

    package init() {}

    func applied(to limits: StreamLimits) -> StreamLimits {
        var limits = limits
        limits.message = message ?? limits.message
        limits.write = write ?? limits.write
        limits.idle = idle ?? limits.idle
        limits.queries = queries ?? limits.queries
        return limits
    }
}

/// A plugin that says so for the addresses of its block.
package protocol StreamTimeouts: Plugin {
    var times: StreamTimes { get }
}
