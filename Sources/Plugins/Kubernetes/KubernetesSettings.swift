import ClusterModel
import Corefile
import DNSServer
import DNSWire
import KubernetesAPI

/// What the `kubernetes` lines of a server block say.
struct KubernetesSettings: Sendable, Equatable {
    var zones: [Name] = []
    /// The first zone that is not reverse: what PTR records point into.
    var primaryZone = Name.root
    var model = ModelOptions()
    var ttl: UInt32 = 5
    /// Zones whose missing names go to the next plugin; nil for none.
    var passedOn: [Name]?
    /// Those of the zones that name services of all clusters.
    var multiclusterZones: [Name] = []
    var labels = ""
    var namespaceLabels = ""
    var endpoint: String?
    var tls: [String] = []
    var kubeconfig: String?
    var context: String?
    var startupTimeout = Duration.seconds(5)
    /// The file that keeps what is known for the next start; nil for none.
    var snapshot: String?
    /// How often the API server is asked.
    var pace = RequestPace()
    /// The age of what is known from which answers are called stale; nil for never.
    var staleAfter: Duration? = .seconds(300)

    /// True when `metadata` stands in the block and pods are known: then it knows their names and labels, too.
    var namesClients = false

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
            model.keepsExternalAddresses = block.directives.contains(ExternalPlugin.directive)
            for property in directive.block { read(property, &check) }
            namesClients = block.directives.contains(MetadataPlugin.directive) && model.pods == .verified
            if let primary = zones.first(where: { !$0.isReverse }) {
                primaryZone = primary
            } else {
                check.report(directive.error(found: "only reverse zones", expected: "at least one zone that is not"))
            }
            if model.answersZones, !model.answersEndpoints {
                check.report(directive.error(found: "both zonal and noendpoints", expected: "one of the two"))
            }
            if model.namespaces != nil, !namespaceLabels.isEmpty {
                check.report(
                    directive.error(found: "both namespaces and namespace_labels", expected: "one of the two"))
            }
        }
        try check.finish()
    }

    private mutating func read(_ property: Directive, _ check: inout SettingsCheck) {
        do throws(ConfigurationError) {
            switch property.name {
            case "endpoint": endpoint = try property.argument(0, "the URL of an API server").text
            case "tls":
                try property.expectCount(3)
                tls = property.words
            case "kubeconfig":
                try property.expectCount(1...2)
                kubeconfig = property.words.first
                context = property.words.count > 1 ? property.words[1] : nil
            case "apiserver_qps", "apiserver_burst", "apiserver_max_inflight": try readPace(property)
            case "namespaces":
                try property.expectCount(1...)
                model.namespaces = (model.namespaces ?? []).union(property.words)
            case "namespace_labels":
                try property.expectCount(1...)
                namespaceLabels = property.words.joined(separator: " ")
            case "labels":
                try property.expectCount(1...)
                labels = property.words.joined(separator: " ")
            case "pods":
                switch try property.oneOf(0, ["disabled", "insecure", "verified"]) {
                case "insecure": model.pods = .insecure
                case "verified": model.pods = .verified
                default: model.pods = .disabled
                }
            case "endpoint_pod_names":
                try property.noArguments()
                model.endpointPodNames = true
            case "ttl": ttl = UInt32(try property.integer(0, in: 0...3600))
            case "noendpoints":
                try property.noArguments()
                model.answersEndpoints = false
            case "fallthrough":
                passedOn = (passedOn ?? []) + check.zones(of: property, else: [.root])
            case "ignore":
                if !property.arguments.isEmpty {
                    _ = try property.oneOf(0, ["empty_service"])
                    model.ignoresEmptyServices = true
                }
            case "zonal":
                try property.noArguments()
                model.answersZones = true
            case "multicluster":
                try property.expectCount(1...)
                for token in property.arguments {
                    let names = try property.zones(token).compactMap { Name($0) }
                    guard names.allSatisfy({ zones.contains($0) && !$0.isReverse }) else {
                        throw property.error(token, expected: "a zone of this kubernetes line that is not reverse")
                    }
                    multiclusterZones += names
                }
                model.answersImports = true
            case "snapshot":
                try property.expectCount(1)
                let token = try property.argument(0, "the path of a file")
                guard token.text.hasPrefix("/"), !token.text.hasSuffix("/") else {
                    throw property.error(token, expected: "the absolute path of a file, such as /var/lib/cluster-dns/cluster")
                }
                snapshot = token.text
            case "startup_timeout": startupTimeout = try property.duration(0)
            case "stale_after":
                let limit = try property.duration(0)
                staleAfter = limit == .zero ? nil : limit
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
            pace.perSecond = rate > 0 ? rate : nil
        case "apiserver_burst":
            let burst = try property.integer(0, in: 0...1_000_000)
            if burst > 0 { pace.burst = burst }
        default:
            let count = try property.integer(0, in: 0...1_000_000)
            pace.inFlight = count > 0 ? count : nil
        }
    }

    /// The kinds of object these settings need.
    var kinds: Set<ObjectKind> {
        var kinds: Set<ObjectKind> = [.namespace, .service]
        if model.answersEndpoints { kinds.insert(.endpointSlice) }
        if model.answersImports { kinds.insert(.serviceImport) }
        if model.pods == .verified || model.indexesPods { kinds.insert(.pod) }
        return kinds
    }
}

extension KubernetesSettings {
    /// The API server these settings name: a kubeconfig, an `endpoint`, or that of the pod this runs in.
    func apiEndpoint() throws(CredentialsError) -> APIEndpoint {
        if let kubeconfig { return try Kubeconfig.endpoint(path: kubeconfig, context: context) }
        guard let url = endpoint else { return try InCluster.endpointOfThisProcess() }
        var endpoint = try APIEndpoint(url: url, in: "Corefile", key: "kubernetes endpoint")
        if tls.count == 3 {
            endpoint.clientCertificate = .init(chain: .file(tls[0]), key: .file(tls[1]))
            endpoint.trust = .authorities(.file(tls[2]))
        }
        return endpoint
    }
}
