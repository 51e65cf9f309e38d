import Corefile
import DNSServer
import DNSWire

/// What a `hosts` line says.
struct HostsSettings: Sendable {
    var path = "/etc/hosts"
    var zones: [Name]
    /// Lines of the block in the form of a hosts file.
    var inline = ""
    /// Seconds.
    var ttl: UInt32 = 3600
    var answersReverse = true
    /// Between two looks at the file; zero for one look at start.
    var reload = Duration.seconds(5)
    /// Zones whose unknown names go to the next plugin; nil for none.
    var fallthroughZones: [Name]?
    /// Sends types other than A and AAAA on as well.
    var fallsThroughForTypes = false

    private static var options: OptionTable<Self> {
        [
            .lines("an address with names", where: { HostsText.address($0) != nil }) {
                line, settings, _ throws(ConfigurationError) in
                try line.expectCount(1...)
                settings.inline += line.name + " " + line.words.joined(separator: " ") + "\n"
            },
            .integer("ttl", 1...65535, \.ttl),
            .flag("no_reverse", \.answersReverse, becomes: false),
            .duration("reload", \.reload),
            .fallthroughZones(\.fallthroughZones),
            .flag("fallthrough_unsupported", \.fallsThroughForTypes),
        ]
    }

    init(_ directives: [Directive], zones: [Name], _ check: inout SettingsCheck) {
        self.zones = zones
        guard let directive = check.only(directives) else { return }
        if let token = directive.arguments.first { path = token.text }
        self.zones = check.zones(of: directive, from: 1, else: zones)
        Self.options.read(directive.block, into: &self, &check)
        if fallsThroughForTypes, fallthroughZones == nil {
            check.report(directive.error(found: "fallthrough_unsupported alone", expected: "fallthrough with it"))
        }
    }
}
