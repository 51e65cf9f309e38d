import ClusterSource
import Corefile
import DNSServer
import DNSWire
import KubernetesAPI

/// What a `k8s_gateway` line says.
struct GatewaySettings: Sendable, Equatable {
    var zones: [Name] = []
    /// In the order in which they are looked at.
    var resources: [GatewayKind] = [.ingress, .service]
    var ingressClasses: [String] = []
    var gatewayClasses: [String] = []
    /// Label selectors of Services; none for all.
    var serviceSelectors: [String] = []
    /// The type of the addresses wanted of nodes.
    var nodeAddress = "InternalIP"
    /// Seconds.
    var ttl: UInt32 = 60
    /// Names of the zone's name servers below it.
    var apex = "dns1.kube-system"
    var secondary: String?
    var fallthroughZones: [Name]?
    var cluster = FollowedCluster()

    private static var options: OptionTable<Self> {
        [
            .custom("resources") { line, settings, check throws(ConfigurationError) in
                try line.expectCount(1...)
                settings.resources = check.each(line.arguments) { token throws(ConfigurationError) in
                    let word = try line.oneOf(token, GatewayKind.nameable.map(\.rawValue))
                    return GatewayKind(rawValue: word) ?? .service
                }
            },
            .line("ingressClasses", \.ingressClasses, 1...Int.max) { $0.words },
            .line("gatewayClasses", \.gatewayClasses, 1...Int.max) { $0.words },
            .each("serviceLabelSelectors", \.serviceSelectors) { token, line, _ throws(ConfigurationError) in
                [try line.labelSelector(token.text)]
            },
            .value("nodeAddressType", \.nodeAddress) { line throws(ConfigurationError) in
                try line.oneOf(0, ["InternalIP", "ExternalIP"])
            },
            .integer("ttl", 0...3600, \.ttl),
            .value("apex", \.apex) { line throws(ConfigurationError) in try server(line) },
            .value("secondary", \.secondary) { line throws(ConfigurationError) in try server(line) },
            .custom("kubeconfig") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(1...2)
                settings.cluster.kubeconfig = try line.argument(0, "a kubeconfig file").text
                settings.cluster.context = line.arguments.count > 1 ? line.arguments[1].text : nil
            },
            .fallthroughZones(\.fallthroughZones),
        ]
    }

    private static func server(_ line: Directive) throws(ConfigurationError) -> String {
        try line.parsed("a name below the zone, such as dns1.kube-system") {
            Name($0) == nil || $0.hasSuffix(".") ? nil : $0.lowercased()
        }
    }

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        if let directive = check.only(directives) {
            zones = check.zones(of: directive, else: block.zones)
            Self.options.read(directive.block, into: &self, &check)
        }
        try check.finish()
    }

    /// Everything that is followed for these resources.
    var collections: [ResourceCollection] {
        var kinds = resources
        if resources.contains(where: \.isRoute) { kinds.append(.gateway) }
        if resources.contains(.service) { kinds.append(.endpointSlice) }
        var seen: Set<ResourceCollection> = []
        return kinds.flatMap { $0.collections(serviceSelectors: serviceSelectors) }.filter { seen.insert($0).inserted }
    }
}
