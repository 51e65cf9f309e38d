package import Corefile
package import DNSServer

/// Asks for other names, types and classes than clients do, and changes what is answered.
package final class RewritePlugin: Plugin {
    package static let directive = "rewrite"
    private let rules: [RewriteRule]

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        rules = try SettingsCheck.gather { $0.each(directives, RewriteRuleReader.read) }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { RewriteHandler(rules) }
}
