package import Corefile
package import DNSServer

/// Says which addresses a server block listens on; read before plugins are made, so nothing is left to do here.
package final class BindPlugin: Plugin {
    package static let directive = "bind"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        for property in directives.flatMap(\.block) where property.name != "except" {
            check.report(property.unknownProperty(known: ["except"]))
        }
        try check.finish()
    }
}
