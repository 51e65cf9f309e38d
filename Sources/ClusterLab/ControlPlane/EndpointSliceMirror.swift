import Foundation
import Text

/// Shows Endpoints that people wrote, for a Service without a selector, as EndpointSlices.
enum EndpointSliceMirror {
    static let manager = "endpointslicemirroring-controller.k8s.io"
    static let skipLabel = "endpointslice.kubernetes.io/skip-mirror"
    /// Endpoints that are leader locks, not endpoints.
    private static let leaderAnnotation = "control-plane.alpha.kubernetes.io/leader"
    /// Addresses of a subset that are mirrored at most.
    private static let subsetLimit = 1000

    static func reconcile(_ key: ClusterState.ObjectKey, in state: inout ClusterState) {
        let owned = state.store.list(.endpointSlice, namespace: key.namespace).map { $0.value(.endpointSlice) }.filter {
            let labels = $0.labels
            return labels[EndpointSliceController.serviceLabel] == key.name
                && labels[EndpointSliceController.managedLabel] == manager
        }
        var left = owned
        if let endpoints = mirrored(key, in: state) {
            for wanted in slices(of: endpoints) {
                let position = left.firstIndex {
                    $0["addressType"] == wanted["addressType"] && $0["ports"].elements == wanted["ports"].elements
                }
                write(wanted, over: position.map { left.remove(at: $0) }, of: endpoints, in: &state)
            }
        }
        for slice in left {
            if let stored = state.store.find(.endpointSlice, namespace: slice.namespace, name: slice.name) {
                state.remove(.endpointSlice, stored)
            }
        }
    }

    /// The Endpoints of that name, when they are to be mirrored.
    private static func mirrored(_ key: ClusterState.ObjectKey, in state: ClusterState) -> JSONValue? {
        guard let service = state.store.find(.service, namespace: key.namespace, name: key.name)?.value(.service),
            service["spec"]["selector"].members.isEmpty,
            let endpoints = state.store.find(.endpoints, namespace: key.namespace, name: key.name)?.value(.endpoints),
            endpoints.labels[skipLabel] != "true", endpoints.annotations[leaderAnnotation] == nil
        else { return nil }
        return endpoints
    }

    /// One slice for each family and set of ports.
    private static func slices(of endpoints: JSONValue) -> [JSONValue] {
        var slices: [JSONValue] = []
        for subset in endpoints["subsets"].elements {
            let ports = subset["ports"].elements.map { port -> JSONValue in
                [
                    "name": .string(port["name"].text ?? ""), "protocol": .string(port["protocol"].text ?? "TCP"),
                    "port": port["port"], "appProtocol": port["appProtocol"],
                ]
            }
            let ready = subset["addresses"].elements.map { endpoint($0, isReady: true) }
            let notReady = subset["notReadyAddresses"].elements.map { endpoint($0, isReady: false) }
            for endpoint in (ready + notReady).prefix(subsetLimit) {
                guard let family = IPText.family(endpoint["addresses"].elements.first?.text ?? "") else { continue }
                let position = slices.firstIndex {
                    $0["addressType"].text == family && $0["ports"].elements == ports
                }
                if let position {
                    slices[position]["endpoints"] = .array(slices[position]["endpoints"].elements + [endpoint])
                } else {
                    slices.append([
                        "addressType": .string(family), "ports": .array(ports), "endpoints": [endpoint],
                    ])
                }
            }
        }
        return slices
    }

    private static func endpoint(_ address: JSONValue, isReady: Bool) -> JSONValue {
        let hostname = address["hostname"]
        return [
            "addresses": [address["ip"]], "conditions": ["ready": .bool(isReady)],
            "hostname": hostname.text?.isEmpty == false ? hostname : .null, "targetRef": address["targetRef"],
            "nodeName": address["nodeName"],
        ]
    }

    private static func write(
        _ wanted: JSONValue, over existing: JSONValue?, of endpoints: JSONValue, in state: inout ClusterState
    ) {
        var labels = endpoints.labels
        labels[EndpointSliceController.serviceLabel] = endpoints.name
        labels[EndpointSliceController.managedLabel] = manager
        var slice = existing ?? .object([])
        if let existing, existing["endpoints"] == wanted["endpoints"], existing.labels == labels { return }
        if existing == nil {
            state.serial += 1
            let suffix = NameSuffix.of("\(endpoints.namespace)/\(endpoints.name)/\(state.serial)", length: 5)
            slice["metadata"] = [
                "name": .string("\(endpoints.name)-\(suffix)"), "generateName": .string(endpoints.name + "-"),
                "namespace": .string(endpoints.namespace), "uid": .string(UUID().uuidString.lowercased()),
                "creationTimestamp": .string(Timestamp.now.text()),
                "ownerReferences": [WorkloadController.owner(.endpoints, endpoints)],
            ]
        }
        for member in wanted.members { slice[member.name] = member.value }
        var annotations = endpoints.annotations
        annotations["kubectl.kubernetes.io/last-applied-configuration"] = nil
        annotations[EndpointSliceController.triggerAnnotation] = Timestamp.now.text(fractionDigits: 9)
        slice.set("metadata", "annotations", JSONValue(sorted: annotations))
        slice.set("metadata", "labels", JSONValue(sorted: labels))
        slice.set("metadata", "generation", .int((slice["metadata"]["generation"].number ?? 0) &+ 1))
        state.write(.endpointSlice, slice)
    }
}
