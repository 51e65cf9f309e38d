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
            .value("apex", \.apex, label),
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

    /// One label in wire form.
    private static func label(_ line: Directive) throws(ConfigurationError) -> [UInt8] {
        let token = try line.argument(0, "the label that the zone's name server lives under")
        guard let name = Name(labels: [token.text]) else { throw line.error(token, expected: "one label, such as dns") }
        return name.wire.dropLast()
    }
}
