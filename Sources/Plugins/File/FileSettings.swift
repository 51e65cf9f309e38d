import Corefile
import DNSWire

/// One `file` line.
struct FileSettings: Sendable {
    var path = ""
    var zones: [Name] = []
    /// Between two looks at the file; zero for one look at start.
    var reload = Duration.seconds(60)
    /// Takes over a file that changed though its serial did not.
    var ignoresSerial = false
    var fallthroughZones: [Name]?

    private static var options: OptionTable<Self> {
        [
            .duration("reload", \.reload),
            .flag("reload_by_mtime", \.ignoresSerial),
            .fallthroughZones(\.fallthroughZones),
            .ignored("upstream", isListed: false),
        ]
    }

    init(_ directive: Directive, zones: [Name], _ check: inout SettingsCheck) {
        path = check.attempt(try directive.argument(0, "a zone file").text) ?? ""
        self.zones = check.zones(of: directive, from: 1, else: zones)
        Self.options.read(directive.block, into: &self, &check)
    }
}
