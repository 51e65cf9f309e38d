package import DNSWire

/// The kinds of Kubernetes object that cluster DNS follows.
package enum ObjectKind: String, CaseIterable, Sendable {
    case namespace = "namespaces"
    case service = "services"
    case endpointSlice = "endpointslices"
    case pod = "pods"
    /// Of a custom resource, whose definition need not be there.
    case serviceImport = "serviceimports"
}

/// Namespace and name: what identifies an object among those of its kind.
package struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
    /// Empty for objects without a namespace.
    package let namespace: String
    package let name: String

    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    package var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}

/// One object, trimmed to the fields that decide answers.
package enum ClusterObject: Sendable, Equatable {
    case namespace(NamespaceObject)
    case service(ServiceObject)
    case endpointSlice(EndpointSliceObject)
    case pod(PodObject)
    /// `spec.ips` of a multicluster.x-k8s.io/v1alpha1 ServiceImport are its cluster addresses.
    case serviceImport(ServiceObject)

    package var kind: ObjectKind {
        switch self {
        case .namespace: .namespace
        case .service: .service
        case .endpointSlice: .endpointSlice
        case .pod: .pod
        case .serviceImport: .serviceImport
        }
    }

    package var key: ObjectKey {
        switch self {
        case .namespace(let object): ObjectKey(namespace: "", name: object.name)
        case .service(let object): object.key
        case .endpointSlice(let object): object.key
        case .pod(let object): object.key
        case .serviceImport(let object): object.key
        }
    }
}

/// One step by which the cluster differs from what the index holds.
///
/// A list is told as `relistStarted`, one `stored` or `kept` for each object, `relistFinished`: the index drops what was
/// not named in between, so that a relist is a difference and nothing is held twice.
package enum ObjectChange: Sendable {
    case relistStarted(ObjectKind)
    case stored(ClusterObject)
    /// The object is still there, and what is known of it stays: a pod that is being deleted.
    case kept(ObjectKind, ObjectKey)
    case deleted(ObjectKind, ObjectKey)
    case relistFinished(ObjectKind)
}

package struct NamespaceObject: Sendable, Equatable {
    package var name: String

    package init(name: String) { self.name = name }
}

/// A port of a Service or an EndpointSlice.
package struct ObjectPort: Sendable, Equatable {
    /// Empty for an unnamed port.
    package var name: String
    /// "TCP", "UDP" or "SCTP", as written.
    package var transport: String
    /// Nil where a slice says none.
    package var number: UInt16?

    package init(name: String, transport: String, number: UInt16?) {
        self.name = name
        self.transport = transport
        self.number = number
    }
}

/// Kubernetes core/v1 Service.
package struct ServiceObject: Sendable, Equatable {
    package enum Addressing: Sendable, Equatable {
        /// `spec.clusterIPs`; empty while none is allocated.
        case cluster([IPAddress])
        case headless
        /// `spec.externalName` as written.
        case externalName(String)
    }

    package var key: ObjectKey
    package var addressing: Addressing
    package var ports: [ObjectPort]
    /// `spec.externalIPs`, then `status.loadBalancer.ingress`: IP text or host names.
    package var external: [String]

    package init(key: ObjectKey, addressing: Addressing, ports: [ObjectPort] = [], external: [String] = []) {
        self.key = key
        self.addressing = addressing
        self.ports = ports
        self.external = external
    }
}

/// One *ready* endpoint (`conditions.ready` true or absent) of a slice; the others are left out when decoding.
package struct Endpoint: Sendable, Equatable {
    package var addresses: [IPAddress]
    /// Empty when the endpoint has none.
    package var hostname: String
    /// `targetRef.name` of kind Pod; empty when absent.
    package var podName: String
    /// Lower-cased `zone`; empty when absent.
    package var zone: String

    package init(addresses: [IPAddress], hostname: String = "", podName: String = "", zone: String = "") {
        self.addresses = addresses
        self.hostname = hostname
        self.podName = podName
        self.zone = zone
    }
}

/// Kubernetes discovery/v1 EndpointSlice.
package struct EndpointSliceObject: Sendable, Equatable {
    package var key: ObjectKey
    /// Label `kubernetes.io/service-name`; empty when absent.
    package var service: String
    package var ports: [ObjectPort]
    package var endpoints: [Endpoint]
    /// The service of another cluster that these endpoints belong to, when they were imported.
    package var origin: ImportOrigin?
    /// Annotation `endpoints.kubernetes.io/last-change-trigger-time` in seconds since 1970, when present.
    package var lastChangeTrigger: Double?
    /// False for slices made by hand, and those that mirror Endpoints made by hand.
    package var followsSelector: Bool

    package init(
        key: ObjectKey, service: String, ports: [ObjectPort], endpoints: [Endpoint], origin: ImportOrigin? = nil,
        lastChangeTrigger: Double? = nil, followsSelector: Bool = true
    ) {
        self.key = key
        self.service = service
        self.ports = ports
        self.endpoints = endpoints
        self.origin = origin
        self.lastChangeTrigger = lastChangeTrigger
        self.followsSelector = followsSelector
    }
}

/// Where imported endpoints come from (KEP-1645): labels `multicluster.kubernetes.io/service-name` and
/// `multicluster.kubernetes.io/source-cluster`.
package struct ImportOrigin: Sendable, Equatable {
    /// Of the ServiceImport in the slice's namespace.
    package var service: String
    package var cluster: String

    package init(service: String, cluster: String) {
        self.service = service
        self.cluster = cluster
    }
}

/// Kubernetes core/v1 Pod.
package struct PodObject: Sendable, Equatable {
    package var key: ObjectKey
    /// `status.podIPs`, or `status.podIP` alone.
    package var addresses: [IPAddress]
    package var usesHostNetwork: Bool
    /// `metadata.labels` where they are wanted; empty otherwise.
    package var labels: [String: String]

    package init(
        key: ObjectKey, addresses: [IPAddress], usesHostNetwork: Bool = false, labels: [String: String] = [:]
    ) {
        self.key = key
        self.addresses = addresses
        self.usesHostNetwork = usesHostNetwork
        self.labels = labels
    }
}
