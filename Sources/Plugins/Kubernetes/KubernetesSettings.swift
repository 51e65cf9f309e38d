import ClusterModel
import ClusterSource
import Corefile
import DNSServer
import DNSWire
import KubernetesAPI

/// What the `kubernetes` lines of a server block say.
struct KubernetesSettings: Sendable, Equatable {
    var zones: [Name] = []
    /// The first zone that is not reverse: what PTR records point into.
    var primaryZone = Name.root
    var cluster = FollowedCluster()
    var ttl: UInt32 = 5
    /// Zones whose missing names go to the next plugin; nil for none.
    var fallthroughZones: [Name]?
    /// Those of the zones that name services of all clusters.
    var multiclusterZones: [Name] = []
    var startupTimeout = Duration.seconds(5)

    private static var options: OptionTable<Self> {
        [
            .optional("endpoint", \.cluster.endpoint, "the URL of an API server", rest: .ignored) { $0 },
            .line("tls", \.cluster.tls, 3...3) { $0.words },
            .custom("kubeconfig") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(1...2)
                settings.cluster.kubeconfig = line.words.first
                settings.cluster.context = line.words.dropFirst().first
            },
            // As in CoreDNS, 0 is client-go's default: no limit here for what is asked at once or each second.
            .value("apiserver_qps", \.cluster.pace.perSecond) { line throws(ConfigurationError) in
                let rate: Double = try line.parsed("a number of requests a second, 0 or more") { text in
                    Double(text).flatMap { (0...1e6).contains($0) ? $0 : nil }
                }
                return rate > 0 ? rate : nil
            },
            .value("apiserver_burst", \.cluster.pace.burst) { line throws(ConfigurationError) in
                let burst = try line.integer(0, in: 0...1_000_000)
                return burst > 0 ? burst : RequestPace().burst
            },
            .value("apiserver_max_inflight", \.cluster.pace.inFlight) { line throws(ConfigurationError) in
                let count = try line.integer(0, in: 0...1_000_000)
                return count > 0 ? count : nil
            },
            .custom("namespaces") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(1...)
                settings.cluster.model.namespaces = (settings.cluster.model.namespaces ?? []).union(line.words)
            },
            .labelSelector("namespace_labels", \.cluster.namespaceLabels),
            .labelSelector("labels", \.cluster.labels),
            .choice(
                "pods", [("disabled", .disabled), ("insecure", .insecure), ("verified", .verified)],
                \.cluster.model.pods, rest: .refusedLast),
            .flag("endpoint_pod_names", \.cluster.model.endpointPodNames),
            .integer("ttl", 0...3600, \.ttl, rest: .ignored),
            .flag("noendpoints", \.cluster.model.answersEndpoints, becomes: false),
            .fallthroughZones(\.fallthroughZones),
            .custom("ignore") { line, settings, _ throws(ConfigurationError) in
                guard let token = line.arguments.first else { return }
                _ = try line.oneOf(token, ["empty_service"])
                settings.cluster.model.ignoresEmptyServices = true
            },
            .duration("startup_timeout", \.startupTimeout, rest: .ignored),
            .optional(
                "snapshot", \.cluster.snapshot, "the absolute path of a file, such as /var/lib/cluster-dns/cluster"
            ) { $0.hasPrefix("/") && !$0.hasSuffix("/") ? $0 : nil },
            .value("stale_after", \.cluster.staleAfter, rest: .refusedLast) { line throws(ConfigurationError) in
                let limit = try line.duration(0)
                return limit == .zero ? nil : limit
            },
            .each("multicluster", \.multiclusterZones, atLeast: 0, multiclusterZones),
            .flag("zonal", \.cluster.model.answersZones),
            .removed("upstream", in: "1.7.0", instead: "targets of ExternalName Services are always looked up"),
            .removed("resyncperiod", in: "1.7.0", instead: "changes are followed as they happen"),
            .removed("transfer", in: "1.8.0", instead: "the plugin transfer says who may copy zones"),
            .removed("federation", in: "1.7.0", instead: "multicluster answers for ServiceImports"),
        ]
    }

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        if let directive = check.only(directives) {
            zones = check.zones(of: directive, else: block.zones)
            cluster.model.keepsExternalAddresses = block.directives.contains(ExternalPlugin.directive)
            Self.options.read(directive.block, into: &self, &check)
            cluster.model.answersImports = !multiclusterZones.isEmpty
            let hasMetadata = block.directives.contains(MetadataPlugin.directive)
            cluster.namesClients = hasMetadata && cluster.model.pods == .verified
            primaryZone = check.primaryZone(of: zones, directive)
            if cluster.model.answersZones, !cluster.model.answersEndpoints {
                check.report(directive.error(found: "both zonal and noendpoints", expected: "one of the two"))
            }
            if cluster.model.namespaces != nil, !cluster.namespaceLabels.isEmpty {
                check.report(
                    directive.error(found: "both namespaces and namespace_labels", expected: "one of the two"))
            }
        }
        try check.finish()
    }

    private static func multiclusterZones(
        _ token: Token, _ line: Directive, _ settings: Self
    ) throws(ConfigurationError) -> [Name] {
        let names = try line.names(token)
        guard names.allSatisfy({ settings.zones.contains($0) && !$0.isReverse }) else {
            throw line.error(token, expected: "a zone of this kubernetes line that is not reverse")
        }
        return names
    }
}
