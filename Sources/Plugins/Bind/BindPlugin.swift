package import Corefile
package import DNSServer

/// Says which addresses a server block listens on; read before plugins are made, so nothing is left to do here.
package final class BindPlugin: Plugin {
    package static let directive = "bind"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        let options: OptionTable<Void> = [.ignored("except")]
        try SettingsCheck.gather { options.read(directives.flatMap(\.block), &$0) }
    }
}
