/// What clients are told of changes at most (RFC 8765).
package struct PushLimits: Hashable, Sendable {
    /// False where DSO is not spoken.
    package var isOn = true
    /// Subscriptions of one connection.
    package var perConnection = 16_384
    /// Subscriptions of one loop.
    package var total = 2_000_000

    /// Octets held for a client that does not read; what is more ends the connection.
    package static let unsent = 1 << 20
    /// Nanoseconds for which a session without subscriptions may be silent (RFC 8490 §6.4).
    static let inactivity: UInt64 = 15_000_000_000
    /// Nanoseconds between a client's messages, where it has not asked for others (RFC 8490 §6.2).
    static let keepAlive: UInt64 = 15_000_000_000
    static let shortestKeepAlive: UInt64 = 10_000_000_000
    static let longestKeepAlive: UInt64 = 3_600_000_000_000

    package init() {}
}

/// The plugin that says so for the addresses of its block.
package protocol PushLimiting: Plugin {
    var limits: PushLimits { get }
}
