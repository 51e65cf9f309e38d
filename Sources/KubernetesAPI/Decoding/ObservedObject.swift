internal import ClusterModel
internal import DNSWire
internal import SwiftProtobuf
import Text

/// An object as it was received: what it is, at which version, and what cluster DNS keeps of it.
struct ObservedObject: Equatable {
    var key: ObjectKey
    /// `metadata.resourceVersion`
    var version: String
    /// nil for a pod that is being deleted: what was known of it stays until it is gone.
    var object: ClusterObject?

    /// - Parameters:
    ///   - isEnveloped: an object of a watch; false for a list's item.
    ///   - podLabels: labels of pods are wanted.
    init(
        _ kind: ObjectKind, from bytes: [UInt8], _ encoding: WireEncoding, isEnveloped: Bool, podLabels: Bool = false
    ) throws(DecodingFailure) {
        if encoding == .protobuf,
            let direct = try Self.read(
                kind, protobuf: isEnveloped ? ProtobufMessage(enveloped: bytes) : ProtobufMessage(bytes),
                podLabels: podLabels)
        {
            self = direct
            return
        }
        func read<Object: Message>(_ type: Object.Type) throws(DecodingFailure) -> Object {
            try encoding.read(type, from: bytes, isEnveloped: isEnveloped)
        }
        let metadata: WireObjectMeta
        let object: ClusterObject?
        switch kind {
        case .namespace:
            metadata = try read(WireAnyObject.self).metadata
            object = .namespace(NamespaceObject(name: metadata.name))
        case .service:
            let service = try read(WireService.self)
            metadata = service.metadata
            object = .service(ServiceObject(service))
        case .endpointSlice:
            let slice = try read(WireEndpointSlice.self)
            metadata = slice.metadata
            object = .endpointSlice(EndpointSliceObject(slice))
        case .pod:
            let pod = try read(WirePod.self)
            metadata = pod.metadata
            object = metadata.hasDeletionTimestamp ? nil : .pod(PodObject(pod, hasLabels: podLabels))
        case .serviceImport:
            let imported = try WireServiceImport(bytes, encoding)
            metadata = imported.metadata
            object = .serviceImport(imported.object)
        }
        guard !metadata.name.isEmpty else { throw .malformed("object without a name") }
        self.init(key: ObjectKey(metadata), version: metadata.resourceVersion, object: object)
    }

    init(key: ObjectKey, version: String, object: ClusterObject?) {
        self.key = key
        self.version = version
        self.object = object
    }
}

extension ObjectKey {
    init(_ metadata: WireObjectMeta) { self.init(namespace: metadata.namespace, name: metadata.name) }
}

// MARK: - What is kept of each kind

extension ServiceObject {
    fileprivate init(_ service: WireService) {
        let spec = service.spec
        self.init(
            key: ObjectKey(service.metadata),
            addressing: Addressing(
                type: spec.type, externalName: spec.externalName, clusterIP: spec.clusterIp,
                clusterIPs: spec.clusterIps),
            ports: spec.ports.compactMap { port in
                UInt16(exactly: port.port).map {
                    ObjectPort(name: port.name, transport: port.protocol.isEmpty ? "TCP" : port.protocol, number: $0)
                }
            },
            external: spec.externalIps
                + service.status.loadBalancer.ingress.compactMap { ingress in
                    let text = ingress.ip.isEmpty ? ingress.hostname : ingress.ip
                    return text.isEmpty ? nil : text
                })
    }
}

extension ServiceObject.Addressing {
    /// - Parameters: as in core/v1 ServiceSpec; `clusterIP` counts when there are no `clusterIPs`.
    init(type: String, externalName: String, clusterIP: String, clusterIPs: [String]) {
        if type == "ExternalName" {
            self = .externalName(externalName)
        } else if clusterIP == "None" {
            self = .headless
        } else {
            let texts = clusterIPs.isEmpty ? [clusterIP] : clusterIPs
            self = .cluster(texts.compactMap { IPAddress($0) })
        }
    }
}

extension EndpointSliceObject {
    static let serviceLabel = "kubernetes.io/service-name"
    static let managerLabel = "endpointslice.kubernetes.io/managed-by"
    static let triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time"

    /// Whether the control plane keeps the slice in step with a selector; the other slices are made by hand, or mirror
    /// Endpoints that are.
    static func followsSelector(manager: String?) -> Bool { manager == "endpointslice-controller.k8s.io" }

    fileprivate init(_ slice: WireEndpointSlice) {
        self.init(
            key: ObjectKey(slice.metadata),
            service: slice.metadata.labels[Self.serviceLabel] ?? "",
            ports: slice.ports.map { port in
                ObjectPort(
                    name: port.name, transport: port.protocol.isEmpty ? "TCP" : port.protocol,
                    number: port.hasPort ? UInt16(exactly: port.port) : nil)
            },
            endpoints: slice.endpoints.compactMap { endpoint in
                // Absent means unknown, which the API defines as ready.
                guard !endpoint.conditions.hasReady || endpoint.conditions.ready else { return nil }
                return Endpoint(
                    addresses: endpoint.addresses.compactMap { IPAddress($0) },
                    hostname: endpoint.hostname,
                    podName: endpoint.targetRef.kind == "Pod" ? endpoint.targetRef.name : "",
                    zone: endpoint.zone.lowercased())
            },
            origin: ImportOrigin(
                service: slice.metadata.labels[ImportOrigin.serviceLabel],
                cluster: slice.metadata.labels[ImportOrigin.clusterLabel]),
            lastChangeTrigger: slice.metadata.annotations[Self.triggerAnnotation]
                .flatMap { Timestamp($0)?.secondsSince1970 },
            followsSelector: Self.followsSelector(manager: slice.metadata.labels[Self.managerLabel]))
    }
}

extension ImportOrigin {
    static let serviceLabel = "multicluster.kubernetes.io/service-name"
    static let clusterLabel = "multicluster.kubernetes.io/source-cluster"

    /// From the two labels; nil unless both are there.
    init?(service: String?, cluster: String?) {
        guard let service, !service.isEmpty, let cluster, !cluster.isEmpty else { return nil }
        self.init(service: service, cluster: cluster)
    }
}

extension ImportOrigin {
    fileprivate init?(_ labels: [String: String]) {
        guard let service = labels["multicluster.kubernetes.io/service-name"], !service.isEmpty,
            let cluster = labels["multicluster.kubernetes.io/source-cluster"], !cluster.isEmpty
        else { return nil }
        self.init(service: service, cluster: cluster)
    }
}

extension PodObject {
    fileprivate init(_ pod: WirePod, hasLabels: Bool) {
        let texts = pod.status.podIps.isEmpty ? [pod.status.podIp] : pod.status.podIps.map(\.ip)
        self.init(
            key: ObjectKey(pod.metadata), addresses: texts.compactMap { IPAddress($0) },
            usesHostNetwork: pod.spec.hostNetwork, labels: hasLabels ? pod.metadata.labels : [:])
    }
}
