package import Corefile
package import DNSServer

/// Asks for other names, types and classes than clients do, and changes what is answered.
package final class RewritePlugin: Plugin {
    package static let directive = "rewrite"
    private let rules: [RewriteRule]

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        rules = directives.compactMap { directive in
            check.attempt { () throws(ConfigurationError) in try RewriteRuleReader.read(directive) }
        }
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { RewriteHandler(rules) }
}
