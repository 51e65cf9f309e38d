import Text

// Loading whole objects: what `kubectl apply` of a file does, and a restored backup.
extension ClusterState {
    /// The order in which kinds are created, so that what others refer to comes first.
    private static func rank(_ kind: ResourceKind) -> Int {
        switch kind {
        case .namespace, .customResourceDefinition: 0
        case .node, .priorityClass: 1
        case .serviceAccount, .configMap: 2
        case .service: 3
        case .pod, .deployment, .replicaSet, .statefulSet: 5
        case .endpointSlice: 6
        default: 4
        }
    }

    /// Creates or replaces objects; namespaces that are missing are made and returned by name.
    package mutating func apply(
        _ objects: [ManifestObject]
    ) -> (madeNamespaces: [String], problems: [ManifestProblem]) {
        var made: [String] = []
        var problems: [ManifestProblem] = []
        let sorted = objects.enumerated().sorted { one, other in
            func rank(_ element: (offset: Int, element: ManifestObject)) -> Int {
                let object = element.element.object
                // Kinds that are not built in come with definitions in the same files.
                return ResourceKind.named(apiVersion: object.apiVersion, kind: object.kind).map(Self.rank) ?? 9
            }
            return (rank(one), one.offset) < (rank(other), other.offset)
        }
        batch { state in
            for (_, item) in sorted {
                let namespace = item.object.namespace
                if !namespace.isEmpty, state.store.find(.namespace, namespace: "", name: namespace) == nil {
                    made.append(namespace)
                    _ = try? state.create(.namespace, ["metadata": ["name": .string(namespace)]])
                }
                do throws(StatusError) {
                    try state.apply(item.object)
                } catch {
                    problems.append(
                        ManifestProblem(
                            file: item.file, line: item.line,
                            found: "\(item.object.kind) \(item.object.name): \(error.message)",
                            expected: "an object the API server accepts"))
                }
            }
        }
        return (made, problems)
    }

    private mutating func apply(_ object: JSONValue) throws(StatusError) {
        guard let kind = self.kind(apiVersion: object.apiVersion, kind: object.kind) else {
            throw .badRequest("no matches for kind \"\(object.kind)\" in version \"\(object.apiVersion)\"")
        }
        var object = object
        if kind.isNamespaced, object.namespace.isEmpty { object.set("metadata", "namespace", "default") }
        if !kind.isNamespaced { object.set("metadata", "namespace", .null) }
        guard let current = store.find(kind, namespace: object.namespace, name: object.name) else {
            try create(kind, object)
            return
        }
        let old = current.value(kind)
        object.set("metadata", "resourceVersion", .null)
        object.set("metadata", "uid", .null)
        if object["status"].isNull { object["status"] = old["status"] }
        try update(kind, namespace: object.namespace, name: object.name, to: object, part: .everything)
    }

    /// Takes complete objects as they are, with their uids and versions.
    package mutating func restore(_ objects: [ManifestObject]) {
        let objects = objects.map(\.object)
        for object in objects where object.kind == ResourceKind.customResourceDefinition.kind { define(object) }
        var byKind: [Int: (kind: ResourceKind, stored: [StoredObject])] = [:]
        var unversioned: [(ResourceKind, JSONValue)] = []
        for object in objects {
            guard let kind = self.kind(apiVersion: object.apiVersion, kind: object.kind) else { continue }
            let value = object.withoutType
            // A version near the end of the numbers would leave none for what comes.
            if let version = value["metadata"]["resourceVersion"].text.flatMap({ UInt64($0) }), version < 1 << 62 {
                byKind[kind.index, default: (kind, [])].stored.append(StoredObject(value, version: version))
            } else {
                unversioned.append((kind, value))
            }
        }
        for (kind, stored) in byKind.values { store.load(kind, stored) }
        for (kind, value) in unversioned { store.put(kind, value) }
        store.compact()
    }

    /// Pods need a node to stand on: one is made where manifests bring none.
    mutating func createDefaultNode(unlessIn objects: [ManifestObject]) {
        guard store.count(.node) == 0, !objects.contains(where: { $0.object.kind == ResourceKind.node.kind }) else {
            return
        }
        _ = try? create(
            .node, ["metadata": ["name": "node-0", "labels": ["topology.kubernetes.io/zone": "zone-a"]]])
    }

    /// The objects every cluster has from the start.
    package mutating func createStandardObjects() {
        guard isManaged else { return }
        batch { state in
            for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
                _ = try? state.create(.namespace, ["metadata": ["name": .string(name)]])
            }
            _ = try? state.create(
                .serviceCIDR,
                ["metadata": ["name": "kubernetes"], "spec": ["cidrs": ["10.96.0.0/16", "fd00:96::/112"]]])
            let labels: JSONValue = ["component": "apiserver", "provider": "kubernetes"]
            _ = try? state.create(
                .service,
                [
                    "metadata": ["name": "kubernetes", "namespace": "default", "labels": labels],
                    "spec": [
                        "clusterIP": "10.96.0.1",
                        "ports": [["name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443]],
                    ],
                ])
            _ = try? state.create(
                .endpointSlice,
                [
                    "metadata": [
                        "name": "kubernetes", "namespace": "default",
                        "labels": [EndpointSliceController.serviceLabel: "kubernetes"],
                    ], "addressType": "IPv4",
                    "endpoints": [["addresses": ["172.18.0.1"], "conditions": ["ready": true]]],
                    "ports": [["name": "https", "port": 6443, "protocol": "TCP"]],
                ])
            _ = try? state.create(
                .endpoints,
                [
                    "metadata": [
                        "name": "kubernetes", "namespace": "default",
                        "labels": [EndpointSliceMirror.skipLabel: "true"],
                    ],
                    "subsets": [
                        [
                            "addresses": [["ip": "172.18.0.1"]],
                            "ports": [["name": "https", "port": 6443, "protocol": "TCP"]],
                        ]
                    ],
                ])
        }
    }
}
