import KubernetesAPI

/// A kind of object that `k8s_gateway` reads.
enum GatewayKind: String, CaseIterable, Sendable {
    // In the words of `resources`.
    case httpRoute = "HTTPRoute"
    case tlsRoute = "TLSRoute"
    case grpcRoute = "GRPCRoute"
    case ingress = "Ingress"
    case service = "Service"
    case dnsEndpoint = "DNSEndpoint"
    case node = "Node"
    case gateway = "Gateway"
    /// Not to be named: what Services need that ask for their endpoints.
    case endpointSlice = "EndpointSlice"

    /// What `resources` may say.
    static let nameable = allCases.filter { $0 != .endpointSlice }

    var isRoute: Bool { [.httpRoute, .tlsRoute, .grpcRoute].contains(self) }

    /// Where its objects are; of a kind of several versions that differ nowhere here, each that may be served.
    func collections(serviceSelectors: [String]) -> [ResourceCollection] {
        let routing = "gateway.networking.k8s.io"
        return switch self {
        case .httpRoute: [ResourceCollection(group: routing, "httproutes")]
        case .tlsRoute:
            ["v1", "v1alpha2"].map { ResourceCollection(group: routing, version: $0, "tlsroutes") }
        case .grpcRoute: [ResourceCollection(group: routing, "grpcroutes")]
        case .gateway: [ResourceCollection(group: routing, "gateways")]
        case .ingress: [ResourceCollection(group: "networking.k8s.io", "ingresses")]
        case .service:
            serviceSelectors.isEmpty
                ? [ResourceCollection("services")]
                : serviceSelectors.map { ResourceCollection("services", labels: $0) }
        case .endpointSlice: [ResourceCollection(group: "discovery.k8s.io", "endpointslices")]
        case .dnsEndpoint:
            [ResourceCollection(group: "externaldns.k8s.io", version: "v1alpha1", "dnsendpoints")]
        case .node: [ResourceCollection("nodes")]
        }
    }

    init?(_ collection: ResourceCollection) {
        guard
            let kind = Self.allCases.first(where: {
                $0.collections(serviceSelectors: []).contains {
                    $0.group == collection.group && $0.resource == collection.resource
                }
            })
        else { return nil }
        self = kind
    }
}
