import Corefile
import DNSServer
import DNSWire

/// What the `k8s_external` lines of a server block say.
struct ExternalSettings: Sendable {
    var zones: [Name] = []
    /// The first zone that is not reverse: what PTR records point into.
    var primaryZone = Name.root
    /// The label that the zone's name server lives under, wire form without a root.
    var apex: [UInt8] = [3] + Array("dns".utf8)
    var ttl: UInt32 = 5
    /// Headless services and endpoint names are answered too.
    var answersHeadless = false
    /// Zones whose missing names go to the next plugin; nil for none.
    var fallthroughZones: [Name]?

    private static var options: OptionTable<Self> {
        [
            .value("apex", \.apex) { line throws(ConfigurationError) in
                try line.parsed("one label, such as dns") { Name(labels: [$0])?.wire.dropLast() }
            },
            .integer("ttl", 0...3600, \.ttl),
            .flag("headless", \.answersHeadless),
            .fallthroughZones(\.fallthroughZones),
        ]
    }

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        if let directive = check.only(directives) {
            zones = check.zones(of: directive, else: block.zones)
            Self.options.read(directive.block, into: &self, &check)
            primaryZone = check.primaryZone(of: zones, directive)
            if !block.directives.contains(KubernetesPlugin.directive) {
                check.report(
                    directive.error(
                        found: "no kubernetes in this server block", expected: "one, whose services are answered"))
            }
        }
        try check.finish()
    }
}
