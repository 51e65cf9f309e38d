internal import ClusterModel
internal import DNSWire
import Text

/// Reads the kinds that come in great numbers straight from their octets.
///
/// Field numbers are those of `Protos/kubernetes.proto`; what is not named here is passed over.
extension ObservedObject {
    /// - Returns: nil for a kind that is read another way.
    static func read(
        _ kind: ObjectKind, protobuf message: ProtobufMessage, podLabels: Bool
    ) throws(DecodingFailure) -> ObservedObject? {
        switch kind {
        case .namespace: try namespace(message)
        case .service: try service(message)
        case .endpointSlice: try endpointSlice(message)
        case .pod: try pod(message, hasLabels: podLabels)
        // Custom resources come as JSON.
        case .serviceImport: nil
        }
    }

    private static func namespace(_ message: ProtobufMessage) throws(DecodingFailure) -> ObservedObject {
        let metadata = try Metadata(of: message)
        return try metadata.observed(.namespace(NamespaceObject(name: metadata.name)))
    }

    // MARK: core/v1 Service

    private static func service(_ message: ProtobufMessage) throws(DecodingFailure) -> ObservedObject {
        var type = ""
        var externalName = ""
        var clusterIP = ""
        var clusterIPs: [String] = []
        var ports: [ObjectPort] = []
        var external: [String] = []
        try message.forEachMessage(2) { spec throws(DecodingFailure) in
            try spec.forEachField { field throws(DecodingFailure) in
                guard let payload = field.payload else { return }
                switch field.tag {
                case 1: if let port = try servicePort(spec.message(payload)) { ports.append(port) }
                case 3: clusterIP = try spec.text(payload)
                case 4: type = try spec.text(payload)
                case 5: external.append(try spec.text(payload))
                case 10: externalName = try spec.text(payload)
                case 18: clusterIPs.append(try spec.text(payload))
                default: break
                }
            }
        }
        try message.forEachMessage(3) { status throws(DecodingFailure) in
            try status.forEachMessage(1) { balancer throws(DecodingFailure) in
                try balancer.forEachMessage(1) { ingress throws(DecodingFailure) in
                    let text = try ingressText(ingress)
                    if !text.isEmpty { external.append(text) }
                }
            }
        }
        let metadata = try Metadata(of: message)
        return try metadata.observed(
            .service(
                ServiceObject(
                    key: metadata.key,
                    addressing: .init(
                        type: type, externalName: externalName, clusterIP: clusterIP, clusterIPs: clusterIPs),
                    ports: ports, external: external)))
    }

    private static func servicePort(_ message: ProtobufMessage) throws(DecodingFailure) -> ObjectPort? {
        var name = ""
        var transport = ""
        var number: UInt64 = 0
        try message.forEachField { field throws(DecodingFailure) in
            switch (field.tag, field.payload) {
            case (1, let payload?): name = try message.text(payload)
            case (2, let payload?): transport = try message.text(payload)
            case (3, nil): number = field.number
            default: break
            }
        }
        return UInt16(exactly: number).map {
            ObjectPort(name: name, transport: transport.isEmpty ? "TCP" : transport, number: $0)
        }
    }

    private static func ingressText(_ ingress: ProtobufMessage) throws(DecodingFailure) -> String {
        var address = ""
        var hostname = ""
        try ingress.forEachField { field throws(DecodingFailure) in
            guard let payload = field.payload else { return }
            if field.tag == 1 { address = try ingress.text(payload) }
            if field.tag == 2 { hostname = try ingress.text(payload) }
        }
        return address.isEmpty ? hostname : address
    }

    // MARK: discovery.k8s.io/v1 EndpointSlice

    private static func endpointSlice(_ message: ProtobufMessage) throws(DecodingFailure) -> ObservedObject {
        let metadata = try Metadata(of: message)
        var endpoints: [Endpoint] = []
        var ports: [ObjectPort] = []
        try message.forEachField { field throws(DecodingFailure) in
            guard let payload = field.payload else { return }
            if field.tag == 2, let endpoint = try endpoint(message.message(payload)) { endpoints.append(endpoint) }
            if field.tag == 3 { ports.append(try endpointPort(message.message(payload))) }
        }
        return try metadata.observed(
            .endpointSlice(
                EndpointSliceObject(
                    key: metadata.key, service: try metadata.label(EndpointSliceObject.serviceLabel) ?? "",
                    ports: ports, endpoints: endpoints,
                    origin: ImportOrigin(
                        service: try metadata.label(ImportOrigin.serviceLabel),
                        cluster: try metadata.label(ImportOrigin.clusterLabel)),
                    lastChangeTrigger: try metadata.annotation(EndpointSliceObject.triggerAnnotation)
                        .flatMap { Timestamp($0)?.secondsSince1970 },
                    followsSelector: EndpointSliceObject.followsSelector(
                        manager: try metadata.label(EndpointSliceObject.managerLabel)))))
    }

    /// - Returns: nil for an endpoint that is not ready.
    private static func endpoint(_ message: ProtobufMessage) throws(DecodingFailure) -> Endpoint? {
        // Absent means unknown, which the API defines as ready.
        var isReady = true
        var endpoint = Endpoint(addresses: [])
        try message.forEachField { field throws(DecodingFailure) in
            guard let payload = field.payload else { return }
            switch field.tag {
            case 1: if let address = IPAddress(text: message.octets(payload)) { endpoint.addresses.append(address) }
            case 2:
                try message.message(payload).forEachField { condition throws(DecodingFailure) in
                    if condition.tag == 1, condition.payload == nil { isReady = condition.number != 0 }
                }
            case 3: endpoint.hostname = try message.text(payload)
            case 4: endpoint.podName = try podName(message.message(payload))
            case 7: endpoint.zone = try message.text(payload).lowercased()
            default: break
            }
        }
        return isReady ? endpoint : nil
    }

    private static func podName(_ reference: ProtobufMessage) throws(DecodingFailure) -> String {
        var isPod = false
        var name = ""
        try reference.forEachField { field throws(DecodingFailure) in
            guard let payload = field.payload else { return }
            if field.tag == 1 { isPod = reference.equals(payload, "Pod") }
            if field.tag == 3 { name = try reference.text(payload) }
        }
        return isPod ? name : ""
    }

    private static func endpointPort(_ message: ProtobufMessage) throws(DecodingFailure) -> ObjectPort {
        var port = ObjectPort(name: "", transport: "TCP", number: nil)
        try message.forEachField { field throws(DecodingFailure) in
            switch (field.tag, field.payload) {
            case (1, let payload?): port.name = try message.text(payload)
            case (2, let payload?) where !payload.isEmpty: port.transport = try message.text(payload)
            case (3, nil): port.number = UInt16(exactly: field.number)
            default: break
            }
        }
        return port
    }

    // MARK: core/v1 Pod

    private static func pod(_ message: ProtobufMessage, hasLabels: Bool) throws(DecodingFailure) -> ObservedObject {
        let metadata = try Metadata(of: message)
        guard !metadata.isTerminating else { return try metadata.observed(nil) }
        var usesHostNetwork = false
        var first: [IPAddress] = []
        var all: [IPAddress] = []
        var hasAll = false
        try message.forEachMessage(2) { spec throws(DecodingFailure) in
            try spec.forEachField { field throws(DecodingFailure) in
                if field.tag == 11, field.payload == nil { usesHostNetwork = field.number != 0 }
            }
        }
        try message.forEachMessage(3) { status throws(DecodingFailure) in
            try status.forEachField { field throws(DecodingFailure) in
                guard let payload = field.payload else { return }
                if field.tag == 6 { first = IPAddress(text: status.octets(payload)).map { [$0] } ?? [] }
                guard field.tag == 12 else { return }
                hasAll = true
                let holder = status.message(payload)
                try holder.forEachField { field throws(DecodingFailure) in
                    guard field.tag == 1, let payload = field.payload else { return }
                    if let address = IPAddress(text: holder.octets(payload)) { all.append(address) }
                }
            }
        }
        return try metadata.observed(
            .pod(
                PodObject(
                    key: metadata.key, addresses: hasAll ? all : first, usesHostNetwork: usesHostNetwork,
                    labels: hasLabels ? try metadata.labels() : [:])))
    }
}

/// What is read of meta/v1 ObjectMeta.
private struct Metadata {
    var name = ""
    var namespace = ""
    var version = ""
    var isTerminating = false
    /// The metadata itself, for what few kinds need.
    private var message = ProtobufMessage([])

    /// - Parameter object: has its metadata in field 1, as every object.
    init(of object: ProtobufMessage) throws(DecodingFailure) {
        try object.forEachMessage(1) { metadata throws(DecodingFailure) in
            message = metadata
            try metadata.forEachField { field throws(DecodingFailure) in
                guard let payload = field.payload else { return }
                switch field.tag {
                case 1: name = try metadata.text(payload)
                case 3: namespace = try metadata.text(payload)
                case 6: version = try metadata.text(payload)
                case 9: isTerminating = true
                default: break
                }
            }
        }
        guard !name.isEmpty else { throw .malformed("object without a name") }
    }

    var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }

    func labels() throws(DecodingFailure) -> [String: String] { try message.map(11) }

    func label(_ name: String) throws(DecodingFailure) -> String? { try message.mapValue(11, name) }

    func annotation(_ name: String) throws(DecodingFailure) -> String? { try message.mapValue(12, name) }

    func observed(_ object: ClusterObject?) throws(DecodingFailure) -> ObservedObject {
        ObservedObject(key: key, version: version, object: object)
    }
}
