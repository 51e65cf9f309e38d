package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Telemetry
import Text

/// Logs why a query failed.
package final class ErrorsPlugin: Plugin {
    package static let directive = "errors"

    private let consolidations: [Consolidation]

    private static var options: OptionTable<[Consolidation]> {
        [
            .custom("consolidate") { line, consolidations, _ throws(ConfigurationError) in
                consolidations.append(try Consolidation(line))
            }, .ignored("stacktrace", 0...0),
        ]
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var consolidations: [Consolidation] = []
        for directive in directives {
            check.attempt(try directive.expectCount(0...1))
            if let token = directive.arguments.first, token.text != "stdout" {
                check.report(directive.error(token, expected: "stdout or nothing"))
            }
            Self.options.read(directive.block, into: &consolidations, &check)
        }
        self.consolidations = consolidations
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { ErrorsHandler(consolidations, server) }

    package func stop() async { consolidations.forEach { $0.say() } }
}

/// At most ten lines a second of one loop, so that a storm of failures cannot fill the log.
final class ErrorsHandler: Handler {
    private let consolidations: [Consolidation]
    private unowned let server: LoopServer
    private var limit = LogLimit(interval: 100_000_000)

    init(_ consolidations: [Consolidation], _ server: LoopServer) {
        self.consolidations = consolidations
        self.server = server
    }

    func answer(_ exchange: inout Exchange) -> Verdict { .next }

    func finish(_ exchange: inout Exchange) {
        guard let failure = exchange.failure else { return }
        if let alike = consolidations.first(where: { $0.matches(failure) }), !alike.add(on: server) { return }
        guard let held = limit.admit(now: server.loop.now) else { return }
        let more = held > 0 ? " (\(held) more were not logged)" : ""
        let text =
            "plugin/errors: \(exchange.response.code.rawValue) \(exchange.asked.folded.nameText) "
            + "\(exchange.asked.type): \(failure)\(more)"
        server.log.line(.error) { $0.append(text: text) }
    }
}
