import Text

/// Keeps the Endpoints of a Service (the kind before EndpointSlices) in step with its slices.
enum EndpointsController {
    /// Addresses one object holds at most.
    private static let addressLimit = 1000
    static let managedLabel = "endpoints.kubernetes.io/managed-by"
    static let manager = "endpoint-controller"

    /// Whether this controller wrote the object, and not a person.
    static func isManaged(_ endpoints: JSONValue) -> Bool { endpoints.labels[managedLabel] == manager }

    static func write(_ groups: [EndpointSliceController.Group], of service: JSONValue, in state: inout ClusterState) {
        let subsets = subsets(groups.filter { $0.family == service["spec"]["ipFamilies"].elements.first?.text })
        var labels = service.labels
        labels[managedLabel] = manager
        if service["spec"]["clusterIP"].text == "None" { labels["service.kubernetes.io/headless"] = "" }
        let current = state.store.find(.endpoints, namespace: service.namespace, name: service.name)?.value(.endpoints)
        var object = current ?? ["metadata": ["name": .string(service.name), "namespace": .string(service.namespace)]]
        object.set("metadata", "labels", JSONValue(sorted: labels))
        object["subsets"] = subsets.isEmpty ? .null : .array(subsets)
        if current?.sortedByName == object.sortedByName { return }
        let now = JSONValue.string(Timestamp.now.text())
        object.set("metadata", "annotations", [EndpointSliceController.triggerAnnotation: now])
        if current == nil {
            _ = try? state.create(.endpoints, object)
        } else {
            state.write(.endpoints, object)
        }
    }

    /// Takes away what this controller wrote; Endpoints that people wrote need no Service.
    static func serviceIsGone(_ key: ClusterState.ObjectKey, in state: inout ClusterState) {
        guard state.store.find(.service, namespace: key.namespace, name: key.name) == nil,
            let endpoints = state.store.find(.endpoints, namespace: key.namespace, name: key.name),
            isManaged(endpoints.value(.endpoints))
        else { return }
        state.remove(.endpoints, endpoints)
    }

    private static func subsets(_ groups: [EndpointSliceController.Group]) -> [JSONValue] {
        var left = addressLimit
        return groups.compactMap { group in
            // Endpoints know no terminating addresses: those that are not ready for it are gone.
            let endpoints = group.endpoints.filter {
                $0["conditions"]["terminating"].flag != true || $0["conditions"]["ready"].flag == true
            }.prefix(left)
            left -= endpoints.count
            guard !endpoints.isEmpty else { return nil }
            func addresses(ready: Bool) -> JSONValue {
                let chosen = endpoints.filter { ($0["conditions"]["ready"].flag == true) == ready }.map(address)
                return chosen.isEmpty ? .null : .array(chosen)
            }
            return [
                "addresses": addresses(ready: true), "notReadyAddresses": addresses(ready: false),
                "ports": group.ports.isEmpty ? .null : .array(group.ports),
            ]
        }
    }

    private static func address(_ endpoint: JSONValue) -> JSONValue {
        [
            "ip": endpoint["addresses"].elements.first ?? .null, "hostname": endpoint["hostname"],
            "nodeName": endpoint["nodeName"], "targetRef": endpoint["targetRef"],
        ]
    }
}
