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
    var passedOn: [Name]?

    private static let properties = ["apex", "ttl", "headless", "fallthrough"]

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        check.expectOnce(directives)
        if let directive = directives.first {
            zones = check.zones(of: directive, else: block.zones)
            for property in directive.block { read(property, &check) }
            if let primary = zones.first(where: { !$0.isReverse }) {
                primaryZone = primary
            } else {
                check.report(directive.error(found: "only reverse zones", expected: "at least one zone that is not"))
            }
            if !block.directives.contains(KubernetesPlugin.directive) {
                check.report(
                    directive.error(
                        found: "no kubernetes in this server block", expected: "one, whose services are answered"))
            }
        }
        try check.finish()
    }

    private mutating func read(_ property: Directive, _ check: inout SettingsCheck) {
        check.attempt { () throws(ConfigurationError) in
            switch property.name {
            case "apex":
                try property.expectCount(1)
                let token = try property.argument(0, "the label that the zone's name server lives under")
                guard let name = Name(labels: [token.text]) else {
                    throw property.error(token, expected: "one label, such as dns")
                }
                apex = name.wire.dropLast()
            case "ttl":
                try property.expectCount(1)
                ttl = UInt32(try property.integer(0, in: 0...3600))
            case "headless":
                try property.noArguments()
                answersHeadless = true
            case "fallthrough":
                var zones: [Name] = []
                for token in property.arguments { zones += try property.zones(token).compactMap { Name($0) } }
                passedOn = (passedOn ?? []) + (property.arguments.isEmpty ? [.root] : zones)
            default: throw property.unknownProperty(known: Self.properties)
            }
        }
    }
}
