import Text

// What the API server fills into workloads, and what it asks of them.
extension ClusterState {
    func admitWorkload(_ kind: ResourceKind, _ object: inout JSONValue) throws(StatusError) {
        var spec = object["spec"]
        let selector = spec["selector"]["matchLabels"].textMembers
        let labels = spec["template"].labels
        guard !selector.isEmpty || !spec["selector"]["matchExpressions"].elements.isEmpty else {
            throw .invalid(kind.kind, object.name, field: "spec.selector", "Required value")
        }
        guard selector.allSatisfy({ labels[$0.key] == $0.value }) else {
            throw .invalid(
                kind.kind, object.name, field: "spec.template.metadata.labels",
                "Invalid value: `selector` does not match template `labels`")
        }
        if let replicas = spec["replicas"].number, !(0...100_000).contains(replicas) {
            throw .invalid(
                kind.kind, object.name, field: "spec.replicas",
                "Invalid value: \(replicas): must be from 0 to 100000")
        }
        spec.setDefault("replicas", 1)
        if kind == .deployment {
            spec.setDefault("revisionHistoryLimit", 10)
            spec.setDefault("progressDeadlineSeconds", 600)
            spec.setDefault(
                "strategy",
                ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": "25%", "maxSurge": "25%"]])
        } else if kind == .statefulSet {
            spec.setDefault("revisionHistoryLimit", 10)
            spec.setDefault("podManagementPolicy", "OrderedReady")
            spec.setDefault("updateStrategy", ["type": "RollingUpdate", "rollingUpdate": ["partition": 0]])
        }
        var template = spec["template"]
        var podSpec = template["spec"]
        podSpec.setDefault("restartPolicy", "Always")
        podSpec.setDefault("terminationGracePeriodSeconds", 30)
        podSpec.setDefault("dnsPolicy", "ClusterFirst")
        podSpec.setDefault("schedulerName", "default-scheduler")
        podSpec["containers"] = .array(podSpec["containers"].elements.map(Self.defaulted(container:)))
        template["spec"] = podSpec
        spec["template"] = template
        object["spec"] = spec
        object.setDefault("status", ["replicas": 0])
    }

    func admitReplicationController(_ object: inout JSONValue) {
        var spec = object["spec"]
        spec.setDefault("replicas", 1)
        // Without a selector, the template's labels are meant.
        if spec["selector"].members.isEmpty { spec["selector"] = spec["template"]["metadata"]["labels"] }
        object["spec"] = spec
        object.setDefault("status", ["replicas": 0])
    }

    /// `stringData` is written, and read back as `data`.
    func admitSecret(_ secret: inout JSONValue) {
        var data = secret["data"]
        for member in secret["stringData"].members {
            data[member.name] = .string(Base64.encode(Array((member.value.text ?? "").utf8)))
        }
        if !data.members.isEmpty { secret["data"] = data }
        secret["stringData"] = .null
        secret.setDefault("type", "Opaque")
    }
}
