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

    init(_ directives: [Directive], zones: [Name], _ check: inout SettingsCheck) {
        self.zones = zones
        check.expectOnce(directives)
        guard let directive = directives.first else { return }
        if let token = directive.arguments.first { path = token.text }
        self.zones = check.zones(of: directive, from: 1, else: zones)
        for property in directive.block {
            check.attempt { () throws(ConfigurationError) in try read(property) }
        }
        if fallsThroughForTypes, fallthroughZones == nil {
            check.report(directive.error(found: "fallthrough_unsupported alone", expected: "fallthrough with it"))
        }
    }

    private static let properties = ["ttl", "no_reverse", "reload", "fallthrough", "fallthrough_unsupported"]

    private mutating func read(_ property: Directive) throws(ConfigurationError) {
        switch property.name {
        case "ttl":
            try property.expectCount(1)
            ttl = UInt32(try property.integer(0, in: 1...65535))
        case "no_reverse":
            try property.noArguments()
            answersReverse = false
        case "reload":
            try property.expectCount(1)
            reload = try property.duration(0)
        case "fallthrough":
            var names: [Name] = []
            for token in property.arguments { names += try property.zones(token).compactMap { Name($0) } }
            fallthroughZones = names.isEmpty ? zones : names
        case "fallthrough_unsupported":
            try property.noArguments()
            fallsThroughForTypes = true
        default:
            guard HostsText.address(property.name) != nil else {
                throw property.unknownProperty(known: ["an address with names"] + Self.properties)
            }
            try property.expectCount(1...)
            inline += property.name + " " + property.words.joined(separator: " ") + "\n"
        }
    }
}
