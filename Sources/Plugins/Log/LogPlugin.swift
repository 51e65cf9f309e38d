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

/// Which responses are logged.
struct ResponseClasses: OptionSet {
    let rawValue: UInt8

    /// NOERROR with records.
    static let success = Self(rawValue: 1)
    /// NXDOMAIN, and NOERROR without records.
    static let denial = Self(rawValue: 2)
    /// Every other code.
    static let error = Self(rawValue: 4)
    static let all: Self = [.success, .denial, .error]

    static let words: [String: Self] = ["success": .success, "denial": .denial, "error": .error, "all": .all]

    /// The one class of a response.
    init(of response: borrowing MessageWriter) {
        switch response.code {
        case .noError: self = response.answers > 0 ? .success : .denial
        case .nameError: self = .denial
        default: self = .error
        }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// Which answers of which names are logged, and how.
struct LogRule: Sendable {
    let zone: Name
    let format: LogFormat
    let classes: ResponseClasses

    private static var options: OptionTable<ResponseClasses> {
        [
            .custom("class") { line, classes, check throws(ConfigurationError) in
                try line.expectCount(1...)
                let found = check.each(line.arguments) { token throws(ConfigurationError) in
                    try line.oneOf(token, ["success", "denial", "error", "all"])
                }
                for word in found { classes.formUnion(ResponseClasses.words[word] ?? []) }
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
        var classes: ResponseClasses = []
        options.read(directive.block, into: &classes, &check)
        if classes.isEmpty { classes = .all }
        return check.zones(words, of: directive, else: [.root]).map {
            LogRule(zone: $0, format: format, classes: classes)
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
        let name = exchange.asked.folded
        guard let first = rules.indices.first(where: { name.isSubdomain(of: rules[$0].zone.view) }),
            rules[first].rule.classes.contains(ResponseClasses(of: exchange.response))
        else { return }
        let now = server.loop.currentTime
        server.log.line(.info) { rules[first].rule.format.write(exchange, now: now, metadata, to: &$0) }
    }
}
