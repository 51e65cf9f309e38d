import Corefile
import DNSServer
import DNSWire

/// One `sign` line.
struct SignSettings: Sendable {
    var path = ""
    let zones: [Name]
    var keys: [KeyFiles] = []
    var keyFolders: [String] = []
    /// Where signed zones are written.
    var folder = "/var/lib/coredns"

    init(_ directive: Directive, in block: BlockSettings, _ check: inout SettingsCheck) {
        path = check.attempt(try directive.argument(0, "a zone file").text) ?? ""
        zones = check.zones(of: directive, from: 1, else: block.zones)
        let options: OptionTable<Self> = [
            .custom("key") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(2...)
                switch line.words[0] {
                case "file": settings.keys += try KeyFiles.read(line, block.files)
                case "directory": settings.keyFolders += line.words.dropFirst()
                default: throw line.error(line.arguments[0], expected: "file or directory")
                }
            },
            .line("directory", \.folder, 1...1) { $0.words.first ?? "" },
        ]
        options.read(directive.block, into: &self, &check)
        for key in keys where !key.signsKeys {
            check.report(
                directive.error(
                    found: "\(key.name), whose key is for zones only",
                    expected: "a key that signs keys, too: dnssec-keygen -f KSK"))
        }
        if !directive.block.contains(where: { $0.name == "key" }) {
            check.report(
                directive.error(found: "no key", expected: "key file and a key, or key directory and a folder"))
        }
    }
}
