package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Logs one line a query, by CoreDNS' format language.
package final class LogPlugin: Plugin {
    package static let directive = "log"
    private let rules: [LogRule]
    private let collector = Mutex<(any MetadataCollector)?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        rules = try SettingsCheck.gather { check in directives.flatMap { LogRule.read($0, &check) } }
    }

    package func join(_ block: [any Plugin]) {
        let found = block.lazy.compactMap { $0 as? any MetadataCollector }.first
        collector.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        LogHandler(rules, server, collector.withLock { $0 }?.makeMetadataReader(on: server))
    }
}

/// Which answers of which names are logged, and how.
struct LogRule: Sendable {
    let zone: Name
    let format: LogFormat
    let classes: Set<String>

    private static var options: OptionTable<Set<String>> {
        [
            .custom("class") { line, classes, check in
                classes.formUnion(
                    check.each(line.arguments) { token throws(ConfigurationError) in
                        try line.oneOf(token, ["success", "denial", "error", "all"])
                    })
            }
        ]
    }

    static func read(_ directive: Directive, _ check: inout SettingsCheck) -> [LogRule] {
        var words = directive.arguments[...]
        var format = LogFormat.common
        // One argument alone is a name; a format has a brace and comes last (CoreDNS' rule).
        if words.count >= 2, let last = words.last, last.text.contains("{") {
            format = LogFormat(last.text)
            words.removeLast()
        }
        var classes: Set<String> = []
        options.read(directive.block, into: &classes, &check)
        if classes.isEmpty { classes = ["all"] }
        return check.zones(words, of: directive, else: [.root]).map {
            LogRule(zone: $0, format: format, classes: classes)
        }
    }

    func logs(_ exchange: borrowing Exchange) -> Bool {
        classes.contains("all") || classes.contains(Self.class(of: exchange))
    }

    private static func `class`(of exchange: borrowing Exchange) -> String {
        switch exchange.response.code {
        case .noError: exchange.response.answers > 0 ? "success" : "denial"
        case .nameError: "denial"
        default: "error"
        }
    }
}

final class LogHandler: Handler {
    private let rules: [(zone: ByteBlock, rule: LogRule)]
    private unowned let server: LoopServer
    private let metadata: (any MetadataReader)?

    init(_ rules: [LogRule], _ server: LoopServer, _ metadata: (any MetadataReader)? = nil) {
        self.rules = rules.map { (ByteBlock($0.zone.wire), $0) }
        self.server = server
        self.metadata = metadata
    }

    func answer(_ exchange: inout Exchange) -> Verdict { .next }

    func finish(_ exchange: inout Exchange) {
        guard let (_, rule) = rules.first(where: { exchange.asked.folded.isSubdomain(of: $0.zone.view) }),
            rule.logs(exchange)
        else { return }
        Log.info(rule.format.text(exchange, now: server.loop.currentTime, metadata))
    }
}
