package import Corefile
package import DNSServer

/// What clients may be told of changes (RFC 8765), or that they are not.
package final class PushPlugin: PushLimiting {
    package static let directive = "push"
    package let limits: PushLimits

    private static var options: OptionTable<PushLimits> {
        [
            .value("subscriptions", \.perConnection) { line throws(ConfigurationError) in
                try line.integer(0, in: 1...65_535)
            },
            .value("total", \.total) { line throws(ConfigurationError) in try line.integer(0, in: 1...10_000_000) },
        ]
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var limits = PushLimits()
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(0...1))
            if !directive.arguments.isEmpty { limits.isOn = check.attempt(try directive.oneOf(0, ["off"])) == nil }
            Self.options.read(directive.block, into: &limits, &check)
        }
        self.limits = limits
        try check.finish()
    }
}
