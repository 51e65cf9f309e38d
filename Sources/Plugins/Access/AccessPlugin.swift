package import Corefile
package import DNSServer
import DNSWire
import Telemetry

/// Lets clients have answers, or not, by their address and what they ask.
package final class AccessPlugin: Plugin {
    package static let directive = "acl"
    private let rules: [AccessRule]
    private let block: BlockSettings

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        rules = try SettingsCheck.gather { check in directives.map { AccessRule($0, in: block.zones, &check) } }
        self.block = block
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { AccessHandler(rules, block) }
}

/// Decides on one loop.
final class AccessHandler: Handler {
    private struct LoopRule {
        let zones: [(wire: ByteBlock, counters: [Counter])]
        let policies: [AccessRule.Policy]
    }

    private static let counted: [(AccessRule.Action, String, String)] = [
        (.block, "coredns_acl_blocked_requests_total", "Counter of DNS requests being blocked."),
        (.filter, "coredns_acl_filtered_requests_total", "Counter of DNS requests being filtered."),
        (.drop, "coredns_acl_dropped_requests_total", "Counter of DNS requests being dropped."),
    ]

    private let rules: [LoopRule]
    private let allowed: Counter

    init(_ rules: [AccessRule], _ block: BlockSettings) {
        self.rules = rules.map { rule in
            LoopRule(
                // The longest zone names the counters, as it does in routing.
                zones: rule.zones.sorted { $0.wire.count > $1.wire.count }.map { zone in
                    let labels = [("server", block.serverLabel), ("zone", zone.description), ("view", block.view)]
                    return (
                        ByteBlock(zone.wire), Self.counted.map { block.metrics.counter($0.1, $0.2, labels) }
                    )
                }, policies: rule.policies)
        }
        allowed = block.metrics.counter(
            "coredns_acl_allowed_requests_total", "Counter of DNS requests being allowed.",
            [("server", block.serverLabel), ("view", block.view)])
    }

    func takeNotice(_ exchange: inout Exchange) -> Verdict { answer(&exchange) }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let client = exchange.client.address
        let question = exchange.question
        for rule in rules {
            guard let zone = rule.zones.first(where: { question.folded.isSubdomain(of: $0.wire.view) }),
                let policy = rule.policies.first(where: { $0.matches(question.type, from: client) })
            else { continue }
            switch policy.action {
            case .allow:
                allowed.bump()
                return .next
            case .block:
                zone.counters[0].bump()
                return .failed(.refused, .blocked)
            case .filter:
                zone.counters[1].bump()
                return .failed(.noError, .filtered)
            case .drop:
                zone.counters[2].bump()
                return .dropped
            }
        }
        allowed.bump()
        return .next
    }
}
