package import DNSWire

/// Which names below `pod` exist.
package enum PodNames: Sendable, Hashable, BitwiseCopyable {
    case disabled
    /// Every address in dashed form, in every namespace that exists.
    case insecure
    /// Only addresses of pods that exist in that namespace.
    case verified
}

/// The settings of the `kubernetes` directive that decide which records exist.
package struct ModelOptions: Sendable, Hashable {
    /// The namespaces that are visible; nil for all.
    package var namespaces: Set<String>?
    package var pods: PodNames
    /// Endpoints without a host name are named after their pod.
    package var endpointPodNames: Bool
    /// False with `noendpoints`: no headless addresses, no endpoint names.
    package var answersEndpoints: Bool
    /// Services with a cluster address but no ready endpoint do not exist.
    package var ignoresEmptyServices: Bool
    /// Addresses by which services are reached from outside are kept, for `k8s_external`.
    package var keepsExternalAddresses: Bool
    /// The namespace of every pod's address is known, whether pods have names or not.
    package var indexesPods = false
    /// Services that other clusters export have names, for `multicluster`.
    package var answersImports = false
    /// Headless services have names that narrow them to the endpoints of one topology zone.
    package var answersZones = false

    package init(
        namespaces: Set<String>? = nil, pods: PodNames = .disabled, endpointPodNames: Bool = false,
        answersEndpoints: Bool = true, ignoresEmptyServices: Bool = false, keepsExternalAddresses: Bool = false
    ) {
        self.namespaces = namespaces
        self.pods = pods
        self.endpointPodNames = endpointPodNames
        self.answersEndpoints = answersEndpoints
        self.ignoresEmptyServices = ignoresEmptyServices
        self.keepsExternalAddresses = keepsExternalAddresses
    }
}

/// A zone that cluster names or reverse names are answered in.
package struct ClusterZone: Sendable {
    package let name: Name
    package let isReverse: Bool

    package init(_ name: Name) {
        self.name = name
        isReverse = name.isReverse
    }
}
