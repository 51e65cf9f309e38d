package import Corefile
package import DNSServer
import DNSWire

/// Sets and clears bits of the header, of queries on their way in and of responses on their way out.
package final class HeaderPlugin: Plugin {
    package static let directive = "header"
    private let rules: HeaderRules

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var rules = HeaderRules()
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(0))
            HeaderRules.options.read(directive.block, into: &rules, &check)
            if directive.block.isEmpty {
                check.report(directive.error(found: "no rule", expected: "query or response, set or clear, and bits"))
            }
        }
        self.rules = rules
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { HeaderHandler(rules) }
}

/// In the order of the file: of two rules for one bit the last holds.
struct HeaderRules {
    struct Rule {
        let bit: UInt16
        let isSet: Bool
    }

    var query: [Rule] = []
    var response: [Rule] = []

    private static let bits = [
        "aa": HeaderFlag.authoritative, "ra": HeaderFlag.recursionAvailable, "rd": HeaderFlag.recursionDesired,
    ]

    static var options: OptionTable<Self> { [option("query", \.query), option("response", \.response)] }

    private static func option(_ name: String, _ path: WritableKeyPath<Self, [Rule]>) -> Option<Self> {
        .custom(name) { line, rules, check throws(ConfigurationError) in
            try line.expectCount(2...)
            let action = try line.oneOf(line.arguments[0], ["set", "clear"])
            rules[keyPath: path] += check.each(line.arguments.dropFirst()) { token throws(ConfigurationError) in
                let word = try line.oneOf(token, ["aa", "ra", "rd"])
                return Rule(bit: bits[word] ?? 0, isSet: action == "set")
            }
        }
    }
}

/// Changes headers on one loop.
final class HeaderHandler: Handler {
    private let rules: HeaderRules

    init(_ rules: HeaderRules) { self.rules = rules }

    func answer(_ exchange: inout Exchange) -> Verdict {
        // AA and RA mean nothing in a query, and no upstream is sent them.
        for rule in rules.query where rule.bit == HeaderFlag.recursionDesired {
            exchange.askForRecursion(rule.isSet)
        }
        return .next
    }

    func finish(_ exchange: inout Exchange) {
        for rule in rules.response { exchange.response.setHeaderBit(rule.bit, rule.isSet) }
    }
}
