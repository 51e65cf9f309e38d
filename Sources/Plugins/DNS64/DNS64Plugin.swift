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
        settings = try SettingsCheck.gather { DNS64Settings(directives, &$0) }
        self.block = block
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

    private static var options: OptionTable<Self> {
        [
            .custom("prefix") { line, settings, check in settings.readPrefix(line, 1...1, &check) },
            .flag("translate_all", \.translatesAll),
            .flag("allow_ipv4", \.allowsIPv4),
        ]
    }

    init(_ directives: [Directive], _ check: inout SettingsCheck) {
        guard let directive = check.only(directives) else { return }
        readPrefix(directive, 0...1, &check)
        Self.options.read(directive.block, into: &self, &check)
    }

    private mutating func readPrefix(_ line: Directive, _ count: ClosedRange<Int>, _ check: inout SettingsCheck) {
        check.attempt(try line.expectCount(count))
        guard let token = line.arguments.first else { return }
        guard let prefix = TranslationPrefix(token.text) else {
            return check.report(
                line.error(
                    token,
                    expected: "an IPv6 network of 32 to 96 bits in steps of 8, bits 64 to 71 zero, such as 64:ff9b::/96"
                ))
        }
        self.prefix = prefix
    }
}
