package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Telemetry
import Text

/// Logs why a query failed.
package final class ErrorsPlugin: Plugin {
    package static let directive = "errors"

    private static var options: OptionTable<Void> { [.ignored("consolidate", 2...4), .ignored("stacktrace")] }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        for directive in directives {
            if let token = directive.arguments.first, token.text != "stdout" {
                check.report(directive.error(token, expected: "stdout or nothing"))
            }
            Self.options.read(directive.block, &check)
        }
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { ErrorsHandler(server) }
}

/// At most ten lines a second of one loop, so that a storm of failures cannot fill the log.
final class ErrorsHandler: Handler {
    private unowned let server: LoopServer
    private var limit = LogLimit(interval: 100_000_000)

    init(_ server: LoopServer) { self.server = server }

    func answer(_ exchange: inout Exchange) -> Verdict { .next }

    func finish(_ exchange: inout Exchange) {
        guard let failure = exchange.failure, let held = limit.admit(now: server.loop.now) else { return }
        let more = held > 0 ? " (\(held) more were not logged)" : ""
        let text =
            "plugin/errors: \(exchange.response.code.rawValue) \(exchange.asked.folded.nameText) "
            + "\(exchange.asked.type): \(failure)\(more)"
        server.log.line(.error) { $0.append(text: text) }
    }
}
