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
    var passedOn: [Name]?
    /// Those of the zones that name services of all clusters.
    var multiclusterZones: [Name] = []
    var startupTimeout = Duration.seconds(5)

    private static let properties = [
        "endpoint", "tls", "kubeconfig", "apiserver_qps", "apiserver_burst", "apiserver_max_inflight", "namespaces",
        "namespace_labels", "labels", "pods", "endpoint_pod_names", "ttl", "noendpoints", "fallthrough", "ignore",
        "startup_timeout", "snapshot", "stale_after", "multicluster", "zonal",
    ]

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        check.expectOnce(directives)
        if let directive = directives.first {
            zones = check.zones(of: directive, else: block.zones)
            cluster.model.keepsExternalAddresses = block.directives.contains(ExternalPlugin.directive)
            for property in directive.block { read(property, &check) }
            cluster.namesClients = block.directives.contains(MetadataPlugin.directive) && cluster.model.pods == .verified
            if let primary = zones.first(where: { !$0.isReverse }) {
                primaryZone = primary
            } else {
                check.report(directive.error(found: "only reverse zones", expected: "at least one zone that is not"))
            }
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

    private mutating func read(_ property: Directive, _ check: inout SettingsCheck) {
        do throws(ConfigurationError) {
            switch property.name {
            case "endpoint": cluster.endpoint = try property.argument(0, "the URL of an API server").text
            case "tls":
                try property.expectCount(3)
                cluster.tls = property.words
            case "kubeconfig":
                try property.expectCount(1...2)
                cluster.kubeconfig = property.words.first
                cluster.context = property.words.count > 1 ? property.words[1] : nil
            case "apiserver_qps", "apiserver_burst", "apiserver_max_inflight": try readPace(property)
            case "namespaces":
                try property.expectCount(1...)
                cluster.model.namespaces = (cluster.model.namespaces ?? []).union(property.words)
            case "namespace_labels":
                try property.expectCount(1...)
                cluster.namespaceLabels = property.words.joined(separator: " ")
            case "labels":
                try property.expectCount(1...)
                cluster.labels = property.words.joined(separator: " ")
            case "pods":
                switch try property.oneOf(0, ["disabled", "insecure", "verified"]) {
                case "insecure": cluster.model.pods = .insecure
                case "verified": cluster.model.pods = .verified
                default: cluster.model.pods = .disabled
                }
            case "endpoint_pod_names":
                try property.noArguments()
                cluster.model.endpointPodNames = true
            case "ttl": ttl = UInt32(try property.integer(0, in: 0...3600))
            case "noendpoints":
                try property.noArguments()
                cluster.model.answersEndpoints = false
            case "fallthrough":
                passedOn = (passedOn ?? []) + check.zones(of: property, else: [.root])
            case "ignore":
                if !property.arguments.isEmpty {
                    _ = try property.oneOf(0, ["empty_service"])
                    cluster.model.ignoresEmptyServices = true
                }
            case "zonal":
                try property.noArguments()
                cluster.model.answersZones = true
            case "multicluster":
                try property.expectCount(1...)
                for token in property.arguments {
                    let names = try property.zones(token).compactMap { Name($0) }
                    guard names.allSatisfy({ zones.contains($0) && !$0.isReverse }) else {
                        throw property.error(token, expected: "a zone of this kubernetes line that is not reverse")
                    }
                    multiclusterZones += names
                }
                cluster.model.answersImports = true
            case "snapshot":
                try property.expectCount(1)
                let token = try property.argument(0, "the path of a file")
                guard token.text.hasPrefix("/"), !token.text.hasSuffix("/") else {
                    throw property.error(token, expected: "the absolute path of a file, such as /var/lib/cluster-dns/cluster")
                }
                cluster.snapshot = token.text
            case "startup_timeout": startupTimeout = try property.duration(0)
            case "stale_after":
                let limit = try property.duration(0)
                cluster.staleAfter = limit == .zero ? nil : limit
            default: throw property.unknownProperty(known: Self.properties)
            }
        } catch {
            check.report(error)
        }
    }

    /// As in CoreDNS, 0 is client-go's default: no limit here for what is asked at once or each second.
    private mutating func readPace(_ property: Directive) throws(ConfigurationError) {
        try property.expectCount(1)
        switch property.name {
        case "apiserver_qps":
            let token = try property.argument(0, "a number of requests a second")
            guard let rate = Double(token.text), rate.isFinite, rate >= 0, rate <= 1e6 else {
                throw property.error(token, expected: "a number of requests a second, 0 or more")
            }
            cluster.pace.perSecond = rate > 0 ? rate : nil
        case "apiserver_burst":
            let burst = try property.integer(0, in: 0...1_000_000)
            if burst > 0 { cluster.pace.burst = burst }
        default:
            let count = try property.integer(0, in: 0...1_000_000)
            cluster.pace.inFlight = count > 0 ? count : nil
        }
    }
}
