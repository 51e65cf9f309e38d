import Text

/// Keeps ReplicaSets and Pods in step with Deployments, ReplicaSets and StatefulSets.
enum WorkloadController {
    static func reconcile(_ key: ClusterState.WorkloadKey, in state: inout ClusterState) {
        guard key.kind < ResourceKind.all.count else { return }
        let kind = ResourceKind.all[key.kind]
        guard let stored = state.store.find(kind, namespace: key.object.namespace, name: key.object.name) else {
            return
        }
        let workload = stored.value(kind)
        guard workload["metadata"]["deletionTimestamp"].isNull else { return }
        switch kind {
        case .deployment: reconcile(deployment: workload, in: &state)
        case .replicaSet, .replicationController: reconcile(kind, replicaSet: workload, in: &state)
        case .statefulSet: reconcile(statefulSet: workload, in: &state)
        default: break
        }
    }

    // MARK: Deployment

    private static func reconcile(deployment: JSONValue, in state: inout ClusterState) {
        let template = deployment["spec"]["template"]
        let hash = NameSuffix.of(String(decoding: template.sortedByName.bytes, as: UTF8.self), length: 10)
        let current = "\(deployment.name)-\(hash)"
        let owned = children(.replicaSet, of: deployment, in: state)
        if !owned.contains(where: { $0.name == current }) {
            createReplicaSet(current, hash: hash, of: deployment, in: &state)
        }
        for replicaSet in owned {
            // The lab rolls out in one step: old sets go to zero at once.
            let wanted = replicaSet.name == current ? deployment["spec"]["replicas"] : .int(0)
            if replicaSet["spec"]["replicas"] != wanted {
                var changed = replicaSet
                changed.set("spec", "replicas", wanted)
                changed.set("metadata", "generation", .int((changed["metadata"]["generation"].number ?? 0) &+ 1))
                state.write(.replicaSet, changed)
            }
        }
        let pods = children(.replicaSet, of: deployment, in: state).filter { $0.name == current }
            .flatMap { children(.pod, of: $0, in: state) }
        writeStatus(.deployment, deployment, pods: pods, in: &state)
    }

    private static func createReplicaSet(
        _ name: String, hash: String, of deployment: JSONValue, in state: inout ClusterState
    ) {
        var template = deployment["spec"]["template"]
        var selector = deployment["spec"]["selector"]
        let hashLabel = "pod-template-hash"
        var labels = template["metadata"]["labels"]
        labels[hashLabel] = .string(hash)
        template.set("metadata", "labels", labels)
        selector.set("matchLabels", hashLabel, .string(hash))
        let replicaSet: JSONValue = [
            "metadata": [
                "name": .string(name), "namespace": .string(deployment.namespace), "labels": labels,
                "annotations": ["deployment.kubernetes.io/revision": "1"],
                "ownerReferences": [owner(.deployment, deployment)],
            ],
            "spec": ["replicas": deployment["spec"]["replicas"], "selector": selector, "template": template],
        ]
        _ = try? state.create(.replicaSet, replicaSet)
    }

    // MARK: ReplicaSet and ReplicationController

    private static func reconcile(_ kind: ResourceKind, replicaSet: JSONValue, in state: inout ClusterState) {
        let wanted = Int(clamping: replicaSet["spec"]["replicas"].number ?? 1)
        let pods = children(.pod, of: replicaSet, in: state)
        for pod in pods.dropFirst(max(0, wanted)) { remove(pod, in: &state) }
        for _ in pods.count..<max(pods.count, wanted) {
            state.serial += 1
            let name = "\(replicaSet.name)-\(NameSuffix.of("\(replicaSet.name)/\(state.serial)", length: 5))"
            createPod(name, from: replicaSet, kind, in: &state) { _ in }
        }
        writeStatus(kind, replicaSet, pods: children(.pod, of: replicaSet, in: state), in: &state)
    }

    // MARK: StatefulSet

    private static func reconcile(statefulSet: JSONValue, in state: inout ClusterState) {
        let wanted = Int(clamping: statefulSet["spec"]["replicas"].number ?? 1)
        let template = statefulSet["spec"]["template"]
        let revision = NameSuffix.of(String(decoding: template.sortedByName.bytes, as: UTF8.self), length: 10)
        let names = (0..<max(0, wanted)).map { "\(statefulSet.name)-\($0)" }
        let revisionLabel = "controller-revision-hash"
        for pod in children(.pod, of: statefulSet, in: state)
        where !names.contains(pod.name) || pod.labels[revisionLabel] != "\(statefulSet.name)-\(revision)" {
            remove(pod, in: &state)
        }
        for (ordinal, name) in names.enumerated()
        where state.store.find(.pod, namespace: statefulSet.namespace, name: name) == nil {
            createPod(name, from: statefulSet, .statefulSet, in: &state) { pod in
                var labels = pod["metadata"]["labels"]
                labels["statefulset.kubernetes.io/pod-name"] = .string(name)
                labels["apps.kubernetes.io/pod-index"] = .string(String(ordinal))
                labels[revisionLabel] = .string("\(statefulSet.name)-\(revision)")
                pod.set("metadata", "labels", labels)
                pod.set("spec", "hostname", .string(name))
                pod.set("spec", "subdomain", statefulSet["spec"]["serviceName"])
            }
        }
        writeStatus(.statefulSet, statefulSet, pods: children(.pod, of: statefulSet, in: state), in: &state)
    }

    // MARK: Common

    private static func createPod(
        _ name: String, from workload: JSONValue, _ kind: ResourceKind, in state: inout ClusterState,
        adjust: (inout JSONValue) -> Void
    ) {
        let template = workload["spec"]["template"]
        var pod: JSONValue = [
            "metadata": [
                "name": .string(name), "namespace": .string(workload.namespace),
                "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
                "ownerReferences": [owner(kind, workload)],
            ],
            "spec": template["spec"],
        ]
        adjust(&pod)
        _ = try? state.create(.pod, pod)
    }

    private static func remove(_ pod: JSONValue, in state: inout ClusterState) {
        guard let stored = state.store.find(.pod, namespace: pod.namespace, name: pod.name) else { return }
        state.terminate(.pod, stored)
    }

    static func owner(_ kind: ResourceKind, _ object: JSONValue) -> JSONValue {
        [
            "apiVersion": .string(kind.apiVersion), "kind": .string(kind.kind), "name": .string(object.name),
            "uid": .string(object.uid), "controller": true, "blockOwnerDeletion": true,
        ]
    }

    private static func children(
        _ kind: ResourceKind, of owner: JSONValue, in state: ClusterState
    ) -> [JSONValue] {
        // What is being deleted no longer counts.
        state.store.list(kind, namespace: owner.namespace).lazy.map { $0.value(kind) }.filter {
            $0["metadata"]["deletionTimestamp"].isNull
                && $0["metadata"]["ownerReferences"].elements.contains { $0["uid"] == owner["metadata"]["uid"] }
        }
    }

    private static func writeStatus(
        _ kind: ResourceKind, _ workload: JSONValue, pods: [JSONValue], in state: inout ClusterState
    ) {
        let count = Int64(pods.count)
        let ready = Int64(pods.filter(EndpointSliceController.isReady).count)
        guard
            var current = state.store.find(kind, namespace: workload.namespace, name: workload.name)?.value(kind)
        else { return }
        var status = current["status"]
        status["observedGeneration"] = current["metadata"]["generation"]
        status["replicas"] = .int(count)
        status["readyReplicas"] = ready > 0 ? .int(ready) : .null
        status["availableReplicas"] = ready > 0 || kind == .statefulSet ? .int(ready) : .null
        if kind == .replicaSet || kind == .replicationController {
            status["fullyLabeledReplicas"] = count > 0 ? .int(count) : .null
        } else {
            status["updatedReplicas"] = count > 0 ? .int(count) : .null
        }
        if kind == .statefulSet { status["currentReplicas"] = count > 0 ? .int(count) : .null }
        if kind == .deployment {
            let wanted = current["spec"]["replicas"].number ?? 1
            status["unavailableReplicas"] = wanted > ready ? .int(wanted - ready) : .null
            let isAvailable: JSONValue = ready >= wanted - wanted / 4 ? "True" : "False"
            if status["conditions"].elements.first(where: { $0["type"].text == "Available" })?["status"] != isAvailable
            {
                let now = JSONValue.string(Timestamp.now.text())
                status["conditions"] = .array(
                    [
                        ("Available", isAvailable, "MinimumReplicasAvailable"),
                        ("Progressing", "True", "NewReplicaSetAvailable"),
                    ]
                    .map { type, value, reason in
                        [
                            "type": .string(type), "status": value, "lastUpdateTime": now,
                            "lastTransitionTime": now, "reason": .string(reason), "message": "",
                        ]
                    })
            }
        }
        current["status"] = status
        state.write(kind, current)
    }
}
