package import Corefile
package import DNSServer
import Synchronization

/// Asks for other names, types and classes than clients do, and changes what is answered.
package final class RewritePlugin: Plugin {
    package static let directive = "rewrite"
    private let rules: [RewriteRule]
    private let collector = Mutex<(any MetadataCollector)?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        rules = try SettingsCheck.gather { $0.each(directives, RewriteRuleReader.read) }
    }

    package func join(_ block: [any Plugin]) {
        let found = block.lazy.compactMap { $0 as? any MetadataCollector }.first
        collector.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        RewriteHandler(rules, collector.withLock { $0 }?.makeMetadataReader(on: server))
    }
}
