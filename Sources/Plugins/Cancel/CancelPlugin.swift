package import Corefile
package import DNSServer

/// Ends queries that have waited too long.
package final class CancelPlugin: Plugin {
    package static let directive = "cancel"
    /// Nanoseconds.
    private let timeout: UInt64

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        // A little longer than CoreDNS' other timeouts, so that those have a chance to say more.
        var timeout: UInt64? = 5_001_000_000
        if let directive = check.only(directives), !directive.arguments.isEmpty {
            check.attempt(try directive.expectCount(1))
            timeout = check.attempt(try Self.timeout(of: directive))
        }
        self.timeout = timeout ?? 0
        try check.finish()
    }

    private static func timeout(of directive: Directive) throws(ConfigurationError) -> UInt64 {
        let timeout = try directive.nanoseconds(0)
        guard timeout > 0 else { throw directive.error(directive.arguments[0], expected: "more than nothing") }
        return timeout
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { CancelHandler(timeout) }
}

/// Sets deadlines on one loop.
final class CancelHandler: Handler {
    private let timeout: UInt64

    init(_ timeout: UInt64) { self.timeout = timeout }

    func answer(_ exchange: inout Exchange) -> Verdict {
        exchange.style.deadline = min(exchange.style.deadline, exchange.received &+ timeout)
        return .next
    }
}
