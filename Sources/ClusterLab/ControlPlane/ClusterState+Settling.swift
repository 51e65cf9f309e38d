import Text

// Which controllers have to look again after a write, and their turns.
extension ClusterState {
    /// Notes which controllers have to look again after a write.
    mutating func touched(_ kind: ResourceKind, old: JSONValue?, new: JSONValue?) {
        guard let object = new ?? old else { return }
        if kind == .customResourceDefinition { if let new { define(new) } else { undefine(object) } }
        if kind.isNamespaced, new == nil { dirtyNamespaces.insert(object.namespace) }
        guard isManaged else { return }
        let key = ObjectKey(namespace: object.namespace, name: object.name)
        switch kind {
        case .service:
            dirtyServices.insert(key)
            // A Service that goes takes its Endpoints along, whoever wrote them.
            if new == nil, let endpoints = store.find(.endpoints, namespace: key.namespace, name: key.name) {
                remove(.endpoints, endpoints)
            }
        case .pod:
            for version in [old, new] {
                guard let labels = version?.labels else { continue }
                for service in servicesSelecting(labels, namespace: object.namespace) { dirtyServices.insert(service) }
            }
            for owner in object["metadata"]["ownerReferences"].elements {
                for workload in [ResourceKind.replicaSet, .statefulSet, .replicationController]
                where owner["kind"].text == workload.kind {
                    let name = owner["name"].text ?? ""
                    dirtyWorkloads.insert(
                        .init(kind: workload.index, object: .init(namespace: key.namespace, name: name)))
                }
            }
        case .deployment, .replicaSet, .statefulSet, .replicationController:
            dirtyWorkloads.insert(.init(kind: kind.index, object: key))
            for owner in object["metadata"]["ownerReferences"].elements where owner["kind"].text == "Deployment" {
                let name = owner["name"].text ?? ""
                dirtyWorkloads.insert(
                    .init(kind: ResourceKind.deployment.index, object: .init(namespace: key.namespace, name: name)))
            }
        case .endpointSlice:
            if old != nil, let name = object.labels[EndpointSliceController.serviceLabel] {
                dirtyServices.insert(.init(namespace: key.namespace, name: name))
            }
        case .endpoints:
            // What the endpoints controller wrote itself needs no second look.
            if !EndpointsController.isManaged(object) { dirtyServices.insert(key) }
        case .namespace: if old == nil { makeServiceAccount(in: object.name) }
        default: break
        }
    }

    /// Every namespace has an account for pods that ask for none.
    private mutating func makeServiceAccount(in namespace: String) {
        _ = try? create(.serviceAccount, ["metadata": ["name": "default", "namespace": .string(namespace)]])
    }

    private func servicesSelecting(_ labels: [String: String], namespace: String) -> [ObjectKey] {
        store.list(.service, namespace: namespace).compactMap { service in
            let selector = service.value(.service)["spec"]["selector"].textMembers
            guard !selector.isEmpty, selector.allSatisfy({ labels[$0.key] == $0.value }) else { return nil }
            return ObjectKey(namespace: namespace, name: service.name)
        }
    }

    /// Lets the controllers run until nothing is left to do; bounded, so that two of them cannot argue forever.
    mutating func settle() {
        guard !isSettling, !isHeld else { return }
        isSettling = true
        defer { isSettling = false }
        for _ in 0..<64 {
            if !dirtyWorkloads.isEmpty {
                let keys = dirtyWorkloads.sorted {
                    ($0.kind, $0.object.namespace, $0.object.name) < ($1.kind, $1.object.namespace, $1.object.name)
                }
                dirtyWorkloads = []
                for key in keys { WorkloadController.reconcile(key, in: &self) }
            } else if !dirtyServices.isEmpty {
                let keys = dirtyServices.sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
                dirtyServices = []
                for key in keys { EndpointSliceController.reconcile(key, in: &self) }
            } else if !dirtyNamespaces.isEmpty {
                let names = dirtyNamespaces.sorted()
                dirtyNamespaces = []
                for name in names { removeIfEmpty(namespace: name) }
            } else {
                return
            }
        }
    }

    package mutating func batch<Result>(_ body: (inout ClusterState) throws -> Result) rethrows -> Result {
        isHeld = true
        defer {
            isHeld = false
            settle()
        }
        return try body(&self)
    }
}
