import Text

// Defaults, checks and allocations between a user's object and the stored one.
extension ClusterState {
    mutating func admit(
        _ kind: ResourceKind, _ object: inout JSONValue, replacing old: JSONValue?
    ) throws(StatusError) {
        if let custom = kind.custom { return try admitCustom(kind, custom, &object, replacing: old) }
        guard isManaged else { return }
        switch kind {
        case .service: try admitService(&object, replacing: old)
        case .pod: try admitPod(&object, replacing: old)
        case .node: admitNode(&object)
        case .namespace:
            var labels = object["metadata"]["labels"]
            labels["kubernetes.io/metadata.name"] = .string(object.name)
            object.set("metadata", "labels", labels)
            object.set("spec", "finalizers", ["kubernetes"])
            let isGoing = !object["metadata"]["deletionTimestamp"].isNull
            object.set("status", "phase", isGoing ? "Terminating" : "Active")
        case .deployment, .statefulSet, .replicaSet: try admitWorkload(kind, &object)
        case .replicationController: admitReplicationController(&object)
        case .secret: admitSecret(&object)
        case .customResourceDefinition: try admitDefinition(&object)
        default: break
        }
    }

    private func admitCustom(
        _ kind: ResourceKind, _ custom: CustomVersion, _ object: inout JSONValue, replacing old: JSONValue?
    ) throws(StatusError) {
        let schema = StructuralSchema(schema: custom.schema, fillsDefaults: true)
        object = schema.admitted(object).object
        if let (field, message) = schema.violation(in: object) {
            throw .invalid(kind.kind, object.name, field: field.isEmpty ? "<nil>" : field, message)
        }
    }

    /// Gives back what an object held.
    mutating func release(_ kind: ResourceKind, _ object: JSONValue) {
        switch kind {
        case .service: releaseService(object)
        case .pod:
            guard object["spec"]["hostNetwork"].flag != true else { return }
            for address in podAddresses(object) {
                pods4.release(address)
                pods6.release(address)
            }
        case .node:
            for address in object["status"]["addresses"].elements { nodes4.release(address["address"].text ?? "") }
        default: break
        }
    }

    private func podAddresses(_ pod: JSONValue) -> [String] {
        let all = pod["status"]["podIPs"].elements.compactMap { $0["ip"].text }
        return all.isEmpty ? [pod["status"]["podIP"].text].compactMap { $0 } : all
    }

    // MARK: Pods

    private mutating func admitPod(_ pod: inout JSONValue, replacing old: JSONValue?) throws(StatusError) {
        var spec = pod["spec"]
        guard !spec["containers"].elements.isEmpty || old != nil else {
            throw .invalid("Pod", pod.name, field: "spec.containers", "Required value")
        }
        spec.setDefault("restartPolicy", "Always")
        spec.setDefault("terminationGracePeriodSeconds", 30)
        spec.setDefault("dnsPolicy", "ClusterFirst")
        spec.setDefault("serviceAccountName", "default")
        spec.setDefault("schedulerName", "default-scheduler")
        spec.setDefault("enableServiceLinks", true)
        spec["containers"] = .array(spec["containers"].elements.map(Self.defaulted(container:)))
        if let old { spec.setDefault("nodeName", old["spec"]["nodeName"]) }
        if spec["nodeName"].isNull, let node = nextNode() { spec["nodeName"] = .string(node) }
        pod["spec"] = spec
        let node = store.find(.node, namespace: "", name: spec["nodeName"].text ?? "")?.value(.node)
        let hostAddress = node?["status"]["addresses"].elements.first { $0["type"].text == "InternalIP" }?["address"]

        var status = pod["status"]
        if let oldStatus = old?["status"] {
            for member in ["podIP", "podIPs", "startTime"] { status.setDefault(member, oldStatus[member]) }
        }
        status.setDefault("phase", "Running")
        if let hostAddress {
            status.setDefault("hostIP", hostAddress)
            status.setDefault("hostIPs", [["ip": hostAddress]])
        }
        if status["podIP"].isNull, let first = status["podIPs"].elements.first?["ip"] { status["podIP"] = first }
        if let address = status["podIP"].text {
            if status["podIPs"].elements.isEmpty { status["podIPs"] = [["ip": .string(address)]] }
            if old == nil { for address in status["podIPs"].elements { _ = claimPod(address["ip"].text ?? "") } }
        } else if spec["hostNetwork"].flag == true, let hostAddress {
            status["podIP"] = hostAddress
            status["podIPs"] = [["ip": hostAddress]]
        } else if ["Running", "Pending"].contains(status["phase"].text ?? "") {
            let addresses = [pods4.allocate(), pods6.allocate()].compactMap { $0 }
            status["podIP"] = JSONValue(addresses.first)
            status["podIPs"] = .array(addresses.map { ["ip": .string($0)] })
        }
        status.setDefault("startTime", .string(Timestamp.now.text()))
        let isReady = readiness(of: pod, status, replacing: old)
        Self.set(ready: isReady, in: &status, phase: status["phase"].text ?? "Running")
        status["containerStatuses"] = .array(
            spec["containers"].elements.map { container in
                [
                    "name": container["name"], "state": ["running": ["startedAt": status["startTime"]]],
                    "lastState": .object([]), "ready": .bool(isReady), "restartCount": 0,
                    "image": .string(container["image"].text ?? ""), "imageID": "", "started": true,
                ]
            })
        status.setDefault("qosClass", "BestEffort")
        pod["status"] = status
    }

    /// The annotation that makes a pod of the lab unready: `"false"`.
    static let readyAnnotation = "cluster-dns/ready"

    private func readiness(of pod: JSONValue, _ status: JSONValue, replacing old: JSONValue?) -> Bool {
        if let wish = pod.annotations[Self.readyAnnotation] { return wish != "false" }
        guard status["phase"].text == "Running" else { return false }
        let wasWished = old?.annotations[Self.readyAnnotation] != nil
        let condition = status["conditions"].elements.first { $0["type"].text == "Ready" }
        return wasWished || condition == nil || condition?["status"].text == "True"
    }

    private static func set(ready: Bool, in status: inout JSONValue, phase: String) {
        var conditions = status["conditions"].elements
        for type in ["PodScheduled", "Initialized", "ContainersReady", "Ready"] {
            let wanted: JSONValue = type.hasSuffix("Ready") ? (ready ? "True" : "False") : "True"
            let position = conditions.firstIndex { $0["type"].text == type }
            if let position, conditions[position]["status"] == wanted { continue }
            let condition: JSONValue = [
                "type": .string(type), "status": wanted, "lastTransitionTime": .string(Timestamp.now.text()),
            ]
            if let position { conditions[position] = condition } else { conditions.append(condition) }
        }
        status["conditions"] = .array(conditions)
    }

    private mutating func claimPod(_ address: String) -> Bool { pods4.claim(address) && pods6.claim(address) }

    static func defaulted(container: JSONValue) -> JSONValue {
        var container = container
        container.setDefault("resources", .object([]))
        container.setDefault("terminationMessagePath", "/dev/termination-log")
        container.setDefault("terminationMessagePolicy", "File")
        container.setDefault("imagePullPolicy", "IfNotPresent")
        if !container["ports"].isNull {
            container["ports"] = .array(
                container["ports"].elements.map { port in
                    var port = port
                    port.setDefault("protocol", "TCP")
                    return port
                })
        }
        return container
    }

    /// Spreads pods over the schedulable nodes, one after the other.
    private mutating func nextNode() -> String? {
        let nodes = store.list(.node)
        let usable = nodes.count <= 512 ? nodes.filter { $0.value(.node)["spec"]["unschedulable"].flag != true } : nodes
        guard !usable.isEmpty else { return nil }
        serial += 1
        return usable[Int(serial % UInt64(usable.count))].name
    }

    // MARK: Nodes and workloads

    private mutating func admitNode(_ node: inout JSONValue) {
        var labels = node["metadata"]["labels"]
        labels.setDefault("kubernetes.io/hostname", .string(node.name))
        labels.setDefault("kubernetes.io/os", "linux")
        labels.setDefault("kubernetes.io/arch", "amd64")
        node.set("metadata", "labels", labels)
        node.setDefault("spec", .object([]))
        var status = node["status"]
        let resources: JSONValue = ["cpu": "4", "memory": "16Gi", "pods": "110"]
        status.setDefault("capacity", resources)
        status.setDefault("allocatable", status["capacity"])
        if status["addresses"].elements.isEmpty {
            status["addresses"] = [
                ["type": "InternalIP", "address": JSONValue(nodes4.allocate())],
                ["type": "Hostname", "address": .string(node.name)],
            ]
        } else {
            for address in status["addresses"].elements { _ = nodes4.claim(address["address"].text ?? "") }
        }
        if status["conditions"].elements.isEmpty {
            let now = JSONValue.string(Timestamp.now.text())
            status["conditions"] = [
                [
                    "type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now,
                    "reason": "KubeletReady", "message": "the lab's nodes are always ready",
                ]
            ]
        }
        status.setDefault("daemonEndpoints", ["kubeletEndpoint": ["Port": 10250]])
        status.setDefault(
            "nodeInfo",
            [
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "lab",
                "containerRuntimeVersion": "lab://1", "kubeletVersion": "v1.36.2", "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": "amd64",
            ])
        node["status"] = status
    }
}
