import Corefile
import DNSWire
import EventLoop

/// One `secondary` line: zones, and whom they are copied from.
struct SecondarySettings: Sendable {
    let zones: [Name]
    private(set) var primaries: [SocketAddress] = []

    private static var options: OptionTable<Self> {
        [
            .custom("transfer") { line, settings, _ throws(ConfigurationError) in
                let word = try line.argument(0, "from and the addresses of primaries")
                guard word.text == "from" else { throw line.error(word, expected: "from") }
                try line.expectCount(2...)
                for token in line.arguments.dropFirst() {
                    guard let address = TargetReader.address(token.text) else {
                        throw line.error(token, expected: "an address as IP, IP:PORT or [IPv6]:PORT")
                    }
                    settings.primaries.append(address)
                }
            }
        ]
    }

    init(_ directive: Directive, zones: [Name], _ check: inout SettingsCheck) {
        self.zones = check.zones(of: directive, else: zones)
        Self.options.read(directive.block, into: &self, &check)
        if !directive.block.contains(where: { $0.name == "transfer" }) {
            check.report(
                directive.error(found: "no transfer", expected: "transfer from and the addresses of primaries"))
        }
    }
}
