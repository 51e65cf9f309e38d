import Text

/// The `scale` sub-resource (autoscaling/v1).
enum Scale {
    static func of(_ workload: JSONValue, _ kind: ResourceKind) -> JSONValue {
        let metadata = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"].map {
            JSONValue.Member($0, workload["metadata"][$0])
        }
        var (wanted, current) = (workload["spec"]["replicas"].number ?? 1, workload["status"]["replicas"].number ?? 0)
        var selector = workload["spec"]["selector"]["matchLabels"].textMembers
        if kind == .replicationController { selector = workload["spec"]["selector"].textMembers }
        var selectorText = selector.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        if let paths = kind.custom?.scale {
            wanted = workload[path: paths.specReplicas].number ?? 0
            current = workload[path: paths.statusReplicas].number ?? 0
            selectorText = paths.selector.isEmpty ? "" : workload[path: paths.selector].text ?? ""
        }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": .object(metadata),
            "spec": ["replicas": .int(wanted)],
            "status": ["replicas": .int(current), "selector": .string(selectorText)],
        ]
    }

    /// The workload with the scale's number of replicas; an absent number is zero, as in Go.
    static func applied(_ scale: JSONValue, to workload: JSONValue, _ kind: ResourceKind? = nil) -> JSONValue {
        var changed = workload
        let replicas = JSONValue.int(scale["spec"]["replicas"].number ?? 0)
        if let paths = kind?.custom?.scale {
            changed.set(path: paths.specReplicas[...], to: replicas)
        } else {
            changed.set("spec", "replicas", replicas)
        }
        changed.set("metadata", "resourceVersion", scale["metadata"]["resourceVersion"])
        return changed
    }
}
