import Foundation
import Text

/// Keeps the EndpointSlices of a Service in step with the pods it selects.
enum EndpointSliceController {
    static let serviceLabel = "kubernetes.io/service-name"
    static let managedLabel = "endpointslice.kubernetes.io/managed-by"
    static let manager = "endpointslice-controller.k8s.io"
    static let triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time"
    /// Endpoints a slice holds at most.
    static let sliceLimit = 100

    static func isReady(_ pod: JSONValue) -> Bool {
        pod["status"]["conditions"].elements.contains { $0["type"].text == "Ready" && $0["status"].text == "True" }
    }

    static func reconcile(_ key: ClusterState.ObjectKey, in state: inout ClusterState) {
        let owned = state.store.list(.endpointSlice, namespace: key.namespace).filter {
            let labels = $0.value(.endpointSlice).labels
            return labels[serviceLabel] == key.name && labels[managedLabel] == manager
        }
        guard let service = state.store.find(.service, namespace: key.namespace, name: key.name)?.value(.service),
            !service["spec"]["selector"].members.isEmpty, service["spec"]["type"].text != "ExternalName"
        else {
            for slice in owned { state.remove(.endpointSlice, slice) }
            EndpointsController.serviceIsGone(key, in: &state)
            EndpointSliceMirror.reconcile(key, in: &state)
            return
        }
        EndpointSliceMirror.reconcile(key, in: &state)
        let wanted = endpoints(of: service, in: state)
        var left = owned.map { $0.value(.endpointSlice) }
        for group in wanted {
            let fitting = left.filter { $0["addressType"].text == group.family && $0["ports"].elements == group.ports }
            left.removeAll { slice in fitting.contains { $0.name == slice.name } }
            write(group, over: fitting, of: service, in: &state)
        }
        for slice in left {
            if let stored = state.store.find(.endpointSlice, namespace: slice.namespace, name: slice.name) {
                state.remove(.endpointSlice, stored)
            }
        }
        EndpointsController.write(wanted, of: service, in: &state)
    }

    /// The endpoints that share a family and resolved ports, as one group of slices does.
    struct Group {
        let family: String
        let ports: [JSONValue]
        var endpoints: [JSONValue]
    }

    private static func endpoints(of service: JSONValue, in state: ClusterState) -> [Group] {
        let selector = service["spec"]["selector"].textMembers
        let pods = state.store.list(.pod, namespace: service.namespace).lazy.map { $0.value(.pod) }.filter { pod in
            let labels = pod.labels
            return selector.allSatisfy { labels[$0.key] == $0.value }
                && !["Succeeded", "Failed"].contains(pod["status"]["phase"].text ?? "")
        }
        var groups: [Group] = []
        for family in service["spec"]["ipFamilies"].elements.compactMap(\.text) {
            // A Service without endpoints still has one slice per family.
            var ofFamily: [Group] = []
            for pod in pods {
                let addresses = pod["status"]["podIPs"].elements.compactMap { $0["ip"].text }
                guard let address = addresses.first(where: { IPText.family($0) == family }) else { continue }
                let endpoint = endpoint(pod, address, of: service, in: state)
                let ports = resolvedPorts(service, pod)
                if let position = ofFamily.firstIndex(where: { $0.ports == ports }) {
                    ofFamily[position].endpoints.append(endpoint)
                } else {
                    ofFamily.append(Group(family: family, ports: ports, endpoints: [endpoint]))
                }
            }
            groups += ofFamily.isEmpty ? [Group(family: family, ports: [], endpoints: [])] : ofFamily
        }
        return groups
    }

    private static func resolvedPorts(_ service: JSONValue, _ pod: JSONValue) -> [JSONValue] {
        service["spec"]["ports"].elements.compactMap { port in
            var number = port["targetPort"].number ?? port["port"].number
            if let name = port["targetPort"].text {
                let named = pod["spec"]["containers"].elements.lazy.flatMap { $0["ports"].elements }.first {
                    $0["name"].text == name && ($0["protocol"].text ?? "TCP") == port["protocol"].text
                }
                guard let found = named?["containerPort"].number else { return nil }
                number = found
            }
            return [
                "name": .string(port["name"].text ?? ""), "protocol": port["protocol"],
                "port": number.map(JSONValue.int) ?? .null, "appProtocol": port["appProtocol"],
            ]
        }
    }

    private static func endpoint(
        _ pod: JSONValue, _ address: String, of service: JSONValue, in state: ClusterState
    ) -> JSONValue {
        let serving = isReady(pod)
        let terminating = !pod["metadata"]["deletionTimestamp"].isNull
        let ready = service["spec"]["publishNotReadyAddresses"].flag == true || serving && !terminating
        let node = pod["spec"]["nodeName"].text ?? ""
        let zone = state.store.find(.node, namespace: "", name: node)?.value(.node).labels[
            "topology.kubernetes.io/zone"]
        let hostname = pod["spec"]["hostname"]
        return [
            "addresses": [.string(address)],
            "conditions": ["ready": .bool(ready), "serving": .bool(serving), "terminating": .bool(terminating)],
            "hostname": pod["spec"]["subdomain"].text == service.name && hostname.text?.isEmpty == false
                ? hostname : .null,
            "targetRef": [
                "kind": "Pod", "namespace": .string(pod.namespace), "name": .string(pod.name),
                "uid": .string(pod.uid),
            ],
            "nodeName": node.isEmpty ? .null : .string(node), "zone": JSONValue(zone),
        ]
    }

    /// Changes the fewest slices: endpoints stay where they are, new ones fill gaps, then new slices.
    private static func write(
        _ group: Group, over existing: [JSONValue], of service: JSONValue, in state: inout ClusterState
    ) {
        func identity(_ endpoint: JSONValue) -> String {
            "\(endpoint["targetRef"]["uid"].text ?? "") \(endpoint["addresses"].elements.first?.text ?? "")"
        }
        var missing: [String: JSONValue] = [:]
        for endpoint in group.endpoints { missing[identity(endpoint)] = endpoint }
        var contents: [[JSONValue]] = existing.map { slice in
            slice["endpoints"].elements.compactMap { missing.removeValue(forKey: identity($0)) }
        }
        for endpoint in group.endpoints where missing[identity(endpoint)] != nil {
            if let position = contents.firstIndex(where: { $0.count < sliceLimit }) {
                contents[position].append(endpoint)
            } else {
                contents.append([endpoint])
            }
        }
        if contents.isEmpty { contents.append([]) }
        var isPlaceholderTaken = contents.contains { !$0.isEmpty }
        for (position, endpoints) in contents.enumerated() {
            let slice = position < existing.count ? existing[position] : nil
            if endpoints.isEmpty, isPlaceholderTaken {
                if let slice,
                    let stored = state.store.find(.endpointSlice, namespace: slice.namespace, name: slice.name)
                {
                    state.remove(.endpointSlice, stored)
                }
                continue
            }
            isPlaceholderTaken = true
            write(slice, endpoints, group, of: service, in: &state)
        }
    }

    private static func write(
        _ slice: JSONValue?, _ endpoints: [JSONValue], _ group: Group, of service: JSONValue,
        in state: inout ClusterState
    ) {
        var labels = service.labels
        labels[serviceLabel] = service.name
        labels[managedLabel] = manager
        if service["spec"]["clusterIP"].text == "None" { labels["service.kubernetes.io/headless"] = "" }
        var changed = slice ?? .object([])
        if let slice, slice["endpoints"].elements == endpoints, slice.labels == labels { return }
        if slice == nil {
            state.serial += 1
            let suffix = NameSuffix.of("\(service.namespace)/\(service.name)/\(state.serial)", length: 5)
            changed["metadata"] = [
                "name": .string("\(service.name)-\(suffix)"), "generateName": .string(service.name + "-"),
                "namespace": .string(service.namespace), "uid": .string(UUID().uuidString.lowercased()),
                "creationTimestamp": .string(Timestamp.now.text()),
                "ownerReferences": [WorkloadController.owner(.service, service)],
            ]
            changed["addressType"] = .string(group.family)
            changed["ports"] = .array(group.ports)
        }
        changed.set("metadata", "generation", .int((changed["metadata"]["generation"].number ?? 0) &+ 1))
        changed.set("metadata", "labels", JSONValue(sorted: labels))
        changed.set("metadata", "annotations", [triggerAnnotation: .string(Timestamp.now.text(fractionDigits: 9))])
        changed["endpoints"] = .array(endpoints)
        state.write(.endpointSlice, changed)
    }
}
