package import Corefile
package import DNSServer

/// Leaves out of positive answers what nobody asked for.
package final class MinimalPlugin: Plugin {
    package static let directive = "minimal"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        try SettingsCheck.gather { $0.expectNameOnly(directives) }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { MinimalHandler() }
}

/// Marks questions on one loop.
final class MinimalHandler: Handler {
    func answer(_ exchange: inout Exchange) -> Verdict {
        exchange.style.isMinimal = true
        return .next
    }
}
