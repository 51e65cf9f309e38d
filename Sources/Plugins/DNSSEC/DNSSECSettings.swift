import Corefile
import DNSServer
import DNSWire

/// The `dnssec` line.
struct DNSSECSettings: Sendable {
    let zones: [Name]
    var keys: [KeyFiles] = []
    /// Signatures that are kept.
    var capacity = 10_000

    init(_ directive: Directive, in block: BlockSettings, _ check: inout SettingsCheck) {
        zones = check.zones(of: directive, else: block.zones)
        let options: OptionTable<Self> = [
            .custom("key") { line, settings, _ throws(ConfigurationError) in
                let word = try line.argument(0, "file and the files of keys")
                guard word.text == "file" else { throw line.error(word, expected: "file") }
                try line.expectCount(2...)
                settings.keys += try KeyFiles.read(line, block.files)
            },
            .integer("cache_capacity", 0...10_000_000, \.capacity),
        ]
        options.read(directive.block, into: &self, &check)
        for key in keys where !zones.contains(where: { $0.isSubdomain(of: key.owner) }) {
            check.report(
                directive.error(
                    found: "\(key.name), a key of \(key.owner)", expected: "keys of the zones, or of one above them"))
        }
    }
}
