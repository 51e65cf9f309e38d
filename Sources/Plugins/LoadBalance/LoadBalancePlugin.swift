package import Corefile
package import DNSServer

/// Spreads clients over the addresses of a name by starting each answer at a different record.
package final class LoadBalancePlugin: Plugin {
    package static let directive = "loadbalance"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        check.expectOnce(directives)
        for directive in directives {
            if let token = directive.arguments.first, token.text != "round_robin" {
                check.report(directive.error(token, expected: "round_robin: weights are not in this version"))
            }
            for property in directive.block { check.report(property.unknownProperty(known: [])) }
        }
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { LoadBalanceHandler() }
}

final class LoadBalanceHandler: Handler {
    private var next: UInt32 = .random(in: 0 ... .max)

    func answer(_ exchange: inout Exchange) -> Verdict {
        // Weyl step, not random: consecutive clients must differ even when there are only two addresses.
        next &+= 0x9E37_79B9
        exchange.style.rotation = Int(next >> 8)
        return .next
    }
}
