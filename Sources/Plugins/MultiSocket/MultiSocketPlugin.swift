package import Corefile
package import DNSServer

/// Asks for several sockets of one address, which there are already: one for each core.
package final class MultiSocketPlugin: Plugin {
    package static let directive = "multisocket"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        if let directive = check.only(directives), !directive.arguments.isEmpty {
            check.attempt(try directive.expectCount(1))
            check.attempt(try directive.integer(0, in: 1...1024))
        }
        try check.finish()
    }
}
