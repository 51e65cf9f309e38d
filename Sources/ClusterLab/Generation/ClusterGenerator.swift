import Text

/// Makes a cluster of a given size: nodes, namespaces, services, and pods and slices for its endpoints.
///
/// Objects are encoded at once and kept as protobuf: about 110 bytes an endpoint in a slice and 400 bytes a pod.
struct ClusterGenerator {
    private let options: GenerateOptions
    private var random: SeededRandom
    private var version: UInt64
    private var nodes: [String] = []
    /// Pods made so far; their addresses follow from it.
    private var podCount: UInt32 = 0
    private let podAddresses: AddressPool
    private let serviceAddresses: AddressPool

    private static let born: JSONValue = "2026-01-01T00:00:00Z"
    private static let zones = ["zone-a", "zone-b", "zone-c"]

    private init(_ options: GenerateOptions, after version: UInt64) {
        self.options = options
        self.version = version
        random = SeededRandom(seed: options.seed)
        podAddresses =
            options.endpoints <= 250_000
            ? .pods4 : AddressPool(network: [10, 128, 0, 0], size: 1 << 23, first: 4)
        serviceAddresses =
            options.services <= 60_000
            ? .services4 : AddressPool(network: [10, 96, 0, 0], size: 1 << 20, first: 256)
    }

    /// Fills a cluster; history begins after it.
    static func fill(_ state: inout ClusterState, _ options: GenerateOptions) throws {
        var generator = ClusterGenerator(options, after: state.store.version)
        try generator.makeNodes(&state)
        try generator.makeServices(&state)
        state.store.compact()
    }

    private mutating func encoded(_ kind: ResourceKind, _ object: JSONValue) throws -> StoredObject {
        version += 1
        var object = object
        object.set("metadata", "resourceVersion", .string(String(version)))
        let schema = try ObjectEncoding.schema(apiVersion: kind.apiVersion, kind: kind.kind)
        var writer = ProtobufWriter()
        try writer.write(object, as: schema)
        return StoredObject(namespace: object.namespace, name: object.name, version: version, protobuf: writer.out)
    }

    private mutating func metadata(_ name: String, namespace: String? = nil, labels: JSONValue) -> JSONValue {
        [
            "name": .string(name), "namespace": JSONValue(namespace), "uid": .string(random.uid()),
            "creationTimestamp": Self.born, "labels": labels,
        ]
    }

    private mutating func makeNodes(_ state: inout ClusterState) throws {
        var made: [StoredObject] = []
        for index in 0..<options.nodes {
            let name = "node-\(index)"
            nodes.append(name)
            let resources: JSONValue = ["cpu": index % 3 == 0 ? "3920m" : "8", "memory": "32Gi", "pods": "110"]
            made.append(
                try encoded(
                    .node,
                    [
                        "metadata": metadata(
                            name,
                            labels: [
                                "kubernetes.io/hostname": .string(name),
                                "topology.kubernetes.io/zone": .string(Self.zones[index % Self.zones.count]),
                            ]), "spec": .object([]),
                        "status": [
                            "capacity": resources, "allocatable": resources,
                            "conditions": [
                                [
                                    "type": "Ready", "status": "True", "lastHeartbeatTime": Self.born,
                                    "lastTransitionTime": Self.born, "reason": "KubeletReady", "message": "ok",
                                ]
                            ],
                            "addresses": [
                                ["type": "InternalIP", "address": .string(AddressPool.nodes4.text(UInt32(index + 2)))],
                                ["type": "Hostname", "address": .string(name)],
                            ],
                        ],
                    ]))
        }
        state.store.load(.node, made)
    }

    /// Endpoints per service: a few services are large and most are small; the sum is what was asked.
    private mutating func shares(of count: Int, among services: Int) -> [Int] {
        guard services > 0 else { return [] }
        let weights = (0..<services).map { _ in 1 / (0.03 + random.fraction()) }
        let sum = weights.reduce(0, +)
        var shares = weights.map { Int($0 / sum * Double(count)) }
        var rest = count - shares.reduce(0, +)
        var position = 0
        while rest > 0 {
            shares[position % services] += 1
            position += 1
            rest -= 1
        }
        return shares
    }

    private enum Shape {
        case clusterIP
        case headless
        case external
    }

    private mutating func makeServices(_ state: inout ClusterState) throws {
        let namespaceCount = max(1, options.services / 20)
        var namespaces: [StoredObject] = []
        for index in 0..<namespaceCount {
            let name = "ns-\(index)"
            namespaces.append(
                try encoded(
                    .namespace,
                    [
                        "metadata": metadata(name, labels: ["kubernetes.io/metadata.name": .string(name)]),
                        "spec": ["finalizers": ["kubernetes"]], "status": ["phase": "Active"],
                    ]))
        }
        state.store.load(.namespace, namespaces)
        let shapes = (0..<options.services).map { _ -> Shape in
            switch random.fraction() {
            case ..<0.85: .clusterIP
            case ..<0.97: .headless
            default: .external
            }
        }
        let shares = shares(of: options.endpoints, among: shapes.count { $0 != .external })
        var services: [StoredObject] = []
        var pods: [StoredObject] = []
        var slices: [StoredObject] = []
        pods.reserveCapacity(options.endpoints)
        var shareIndex = 0
        for (index, shape) in shapes.enumerated() {
            let name = "svc-\(index)"
            let namespace = "ns-\(index % namespaceCount)"
            let (ports, slicePorts) = ports()
            let uid = random.uid()
            services.append(
                try service(name, namespace, uid: uid, shape, ports, address: UInt32(index) + 256))
            if shape == .external { continue }
            let endpoints = try makePods(shares[shareIndex], of: name, namespace, shape, slicePorts, into: &pods)
            shareIndex += 1
            try makeSlices(endpoints, of: name, namespace, uid: uid, shape, slicePorts, into: &slices)
        }
        state.store.load(.service, services)
        state.store.load(.pod, pods)
        state.store.load(.endpointSlice, slices)
        state.serial = UInt64(podCount)
        for index in 0..<options.services { _ = state.services4.claim(serviceAddresses.text(UInt32(index) + 256)) }
        for index in 0..<podCount { _ = state.pods4.claim(podAddresses.text(index + 4)) }
    }

    private mutating func ports() -> (service: JSONValue, slice: JSONValue) {
        var list: [(String, Int64, Int64)] = [("http", 80, 8080)]
        if random.fraction() < 0.3 { list.append(("https", 443, 8443)) }
        if random.fraction() < 0.2 { list.append(("metrics", 9090, 9090)) }
        return (
            .array(
                list.map {
                    ["name": .string($0.0), "protocol": "TCP", "port": .int($0.1), "targetPort": .int($0.2)]
                }),
            .array(list.map { ["name": .string($0.0), "protocol": "TCP", "port": .int($0.2)] })
        )
    }

    private mutating func service(
        _ name: String, _ namespace: String, uid: String, _ shape: Shape, _ ports: JSONValue, address: UInt32
    ) throws -> StoredObject {
        var metadata = metadata(name, namespace: namespace, labels: ["app": .string(name)])
        metadata["uid"] = .string(uid)
        if shape == .external {
            return try encoded(
                .service,
                [
                    "metadata": metadata,
                    "spec": [
                        "type": "ExternalName", "externalName": .string("\(name).example.test"),
                        "sessionAffinity": "None",
                    ], "status": ["loadBalancer": .object([])],
                ])
        }
        let clusterIP: JSONValue = shape == .headless ? "None" : .string(serviceAddresses.text(address))
        return try encoded(
            .service,
            [
                "metadata": metadata,
                "spec": [
                    "ports": ports, "selector": ["app": .string(name)], "clusterIP": clusterIP,
                    "clusterIPs": [clusterIP], "type": "ClusterIP", "sessionAffinity": "None", "ipFamilies": ["IPv4"],
                    "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
                ], "status": ["loadBalancer": .object([])],
            ])
    }

    /// Makes the pods of a service and returns their endpoints.
    private mutating func makePods(
        _ count: Int, of service: String, _ namespace: String, _ shape: Shape, _ ports: JSONValue,
        into pods: inout [StoredObject]
    ) throws -> [JSONValue] {
        let containerPorts = JSONValue.array(
            ports.elements.map { ["name": $0["name"], "containerPort": $0["port"], "protocol": "TCP"] })
        var endpoints: [JSONValue] = []
        endpoints.reserveCapacity(count)
        for ordinal in 0..<count {
            let name = "\(service)-\(ordinal)"
            let address = JSONValue.string(podAddresses.text(podCount + 4))
            let nodeIndex = Int(random.next() % UInt64(nodes.count))
            let ready = random.fraction() >= 0.02
            podCount += 1
            let metadata = metadata(name, namespace: namespace, labels: ["app": .string(service)])
            let hostname: JSONValue = shape == .headless ? .string(name) : .null
            let status: JSONValue = ready ? "True" : "False"
            pods.append(
                try encoded(
                    .pod,
                    [
                        "metadata": metadata,
                        "spec": [
                            "containers": [["name": "app", "image": "example.test/app:1", "ports": containerPorts]],
                            "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
                            "nodeName": .string(nodes[nodeIndex]), "hostname": hostname,
                            "subdomain": hostname.isNull ? .null : .string(service),
                        ],
                        "status": [
                            "phase": "Running",
                            "conditions": [
                                ["type": "Ready", "status": status, "lastTransitionTime": Self.born]
                            ], "podIP": address, "podIPs": [["ip": address]], "startTime": Self.born,
                            "qosClass": "BestEffort",
                        ],
                    ]))
            endpoints.append([
                "addresses": [address],
                "conditions": ["ready": .bool(ready), "serving": .bool(ready), "terminating": false],
                "hostname": hostname,
                "targetRef": [
                    "kind": "Pod", "namespace": .string(namespace), "name": .string(name), "uid": metadata["uid"],
                ], "nodeName": .string(nodes[nodeIndex]), "zone": .string(Self.zones[nodeIndex % Self.zones.count]),
            ])
        }
        return endpoints
    }

    private mutating func makeSlices(
        _ endpoints: [JSONValue], of service: String, _ namespace: String, uid: String, _ shape: Shape,
        _ ports: JSONValue, into slices: inout [StoredObject]
    ) throws {
        let limit = EndpointSliceController.sliceLimit
        for start in stride(from: 0, to: max(1, endpoints.count), by: limit) {
            let name = "\(service)-\(NameSuffix.of("\(namespace)/\(service)/\(start)", length: 5))"
            var labels: JSONValue = [
                "app": .string(service), EndpointSliceController.managedLabel: .string(EndpointSliceController.manager),
                EndpointSliceController.serviceLabel: .string(service),
            ]
            if shape == .headless { labels["service.kubernetes.io/headless"] = "" }
            var metadata = metadata(name, namespace: namespace, labels: labels)
            metadata["generation"] = 1
            metadata["generateName"] = .string(service + "-")
            metadata["annotations"] = [EndpointSliceController.triggerAnnotation: Self.born]
            metadata["ownerReferences"] = [
                [
                    "apiVersion": "v1", "kind": "Service", "name": .string(service), "uid": .string(uid),
                    "controller": true, "blockOwnerDeletion": true,
                ]
            ]
            let part = endpoints[min(start, endpoints.count)..<min(start + limit, endpoints.count)]
            slices.append(
                try encoded(
                    .endpointSlice,
                    [
                        "metadata": metadata, "addressType": "IPv4", "endpoints": .array(Array(part)),
                        "ports": part.isEmpty ? .array([]) : ports,
                    ]))
        }
    }
}
