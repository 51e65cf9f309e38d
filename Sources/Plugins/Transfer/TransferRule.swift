import Corefile
import DNSServer
import DNSWire
import EventLoop

/// One `transfer` line: who may copy which zones.
struct TransferRule: Sendable {
    let zones: [Name]
    private(set) var allowsEverybody = false
    /// Who may copy, and hears of changes.
    private(set) var servers: [SocketAddress] = []
    /// The address that NOTIFY messages come from; nil for the system's choice.
    private(set) var notifySource: IPAddress?

    private static var options: OptionTable<Self> {
        [
            .custom("to") { line, rule, _ throws(ConfigurationError) in
                try line.expectCount(1...)
                for token in line.arguments {
                    if token.text == "*" {
                        rule.allowsEverybody = true
                    } else if let address = TargetReader.address(token.text) {
                        rule.servers.append(address)
                    } else {
                        throw line.error(token, expected: "* or an address as IP, IP:PORT or [IPv6]:PORT")
                    }
                }
            },
            .optional("source", \.notifySource, "an IP address of this host") { IPAddress($0) },
        ]
    }

    init(_ directive: Directive, zones block: [Name], _ check: inout SettingsCheck) {
        zones = check.zones(of: directive, else: block)
        Self.options.read(directive.block, into: &self, &check)
        if !directive.block.contains(where: { $0.name == "to" }) {
            check.report(directive.error(found: "no to", expected: "to and who may copy the zones"))
        }
    }

    func allows(_ client: IPAddress) -> Bool {
        allowsEverybody || servers.contains { $0.address == client }
    }

    /// The rule with the longest zone that is `name` or above it.
    static func best(of rules: [TransferRule], for name: Name) -> TransferRule? {
        rules.flatMap { rule in rule.zones.map { (zone: $0, rule: rule) } }
            .filter { name.isSubdomain(of: $0.zone) }
            .max { $0.zone.wire.count < $1.zone.wire.count }?.rule
    }
}
