package import Corefile
package import DNSServer
import DNSWire
import Telemetry

/// Gives IPv6 clients addresses of IPv4 servers, for a translator to forward (RFC 6147).
package final class DNS64Plugin: Plugin {
    package static let directive = "dns64"
    private let settings: DNS64Settings
    private let block: BlockSettings

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        check.expectOnce(directives)
        settings = DNS64Settings(directives, &check)
        self.block = block
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { DNS64Handler(settings, block) }
}

/// What a `dns64` line says.
struct DNS64Settings: Sendable {
    var prefix = TranslationPrefix.wellKnown
    /// True when names that have IPv6 addresses are translated too.
    var translatesAll = false
    /// True when clients that ask over IPv4 get translated addresses too.
    var allowsIPv4 = false

    init(_ directives: [Directive], _ check: inout SettingsCheck) {
        for directive in directives {
            check.attempt { () throws(ConfigurationError) in try directive.expectCount(0...1) }
            if let token = directive.arguments.first { readPrefix(token, directive, &check) }
            for property in directive.block {
                switch property.name {
                case "prefix":
                    check.attempt { () throws(ConfigurationError) in try property.expectCount(1) }
                    if let token = property.arguments.first { readPrefix(token, property, &check) }
                case "translate_all":
                    check.attempt { () throws(ConfigurationError) in try property.noArguments() }
                    translatesAll = true
                case "allow_ipv4":
                    check.attempt { () throws(ConfigurationError) in try property.noArguments() }
                    allowsIPv4 = true
                default: check.report(property.unknownProperty(known: ["prefix", "translate_all", "allow_ipv4"]))
                }
            }
        }
    }

    private mutating func readPrefix(_ token: Token, _ line: Directive, _ check: inout SettingsCheck) {
        guard let prefix = TranslationPrefix(token.text) else {
            return check.report(
                line.error(
                    token, expected: "an IPv6 network of 32 to 96 bits in steps of 8, bits 64 to 71 zero, such as 64:ff9b::/96"))
        }
        self.prefix = prefix
    }
}
