import Foundation
import Text

/// What a client asks of a deletion.
package struct Deletion: Sendable {
    /// Seconds a pod may take to stop; nil for what the pod itself says.
    package var gracePeriod: Int64?
    /// What the object owns stays, without its owner.
    package var orphansOwned = false

    package init(gracePeriod: Int64? = nil, orphansOwned: Bool = false) {
        (self.gracePeriod, self.orphansOwned) = (gracePeriod, orphansOwned)
    }
}

// Deleting: at once, or in steps where a pod stops, finalizers hold an object, or a namespace has to be emptied.
extension ClusterState {
    /// A pod that is stopping.
    struct StoppingKey: Hashable, Sendable {
        let namespace: String
        let name: String
        let uid: String
    }

    /// The annotation that says how many seconds a pod takes to stop, as its containers would after SIGTERM.
    static let shutdownAnnotation = "cluster-dns/shutdown-seconds"

    private static let lastingNamespaces: Set<String> = ["default", "kube-system", "kube-public"]

    /// Deletes an object with what it owns, or begins to; gives its last state.
    @discardableResult
    package mutating func delete(
        _ kind: ResourceKind, namespace: String, name: String, _ wish: Deletion = Deletion()
    ) throws(StatusError) -> StoredObject {
        guard let current = store.find(kind, namespace: namespace, name: name) else { throw .notFound(kind, name) }
        guard kind != .namespace || !isManaged || !Self.lastingNamespaces.contains(name) else {
            throw StatusError(
                code: 403, reason: "Forbidden",
                message: "namespaces \"\(name)\" is forbidden: this namespace may not be deleted")
        }
        if wish.orphansOwned { orphan(ownedBy: current.value(kind)) }
        terminate(kind, current, gracePeriod: wish.gracePeriod)
        let last = store.find(kind, namespace: namespace, name: name) ?? current
        settle()
        return last
    }

    /// Removes an object, or marks it as being deleted where something has to happen before.
    mutating func terminate(_ kind: ResourceKind, _ object: StoredObject, gracePeriod: Int64? = nil) {
        var value = object.value(kind)
        let (grace, seconds) = kind == .pod ? stopTime(of: value, asked: gracePeriod) : (0, 0)
        let isHeld = !value["metadata"]["finalizers"].elements.isEmpty
        guard seconds > 0 || isHeld || kind == .namespace else { return remove(kind, object) }
        let now = Date().timeIntervalSince1970
        let earlier = value["metadata"]["deletionGracePeriodSeconds"].number
        let isFirst = value["metadata"]["deletionTimestamp"].isNull
        if kind == .pod {
            let key = StoppingKey(namespace: object.namespace, name: object.name, uid: value.uid)
            stopping[key] = min(stopping[key] ?? .infinity, now + seconds)
        }
        // A second deletion only ever shortens the time.
        if isFirst || earlier.map({ grace < $0 }) ?? false {
            let end = Timestamp(seconds: Int64(now).addingReportingOverflow(grace).partialValue)
            value.set("metadata", "deletionTimestamp", .string(end.text()))
            value.set("metadata", "deletionGracePeriodSeconds", .int(grace))
            if kind == .namespace { value.set("status", "phase", "Terminating") }
            if kind.hasGeneration, let generation = value["metadata"]["generation"].number {
                value.set("metadata", "generation", .int(generation &+ 1))
            }
            write(kind, value)
        }
        guard kind == .namespace else { return }
        for inner in kinds where inner.isNamespaced {
            for object in store.list(inner, namespace: object.name) { terminate(inner, object) }
        }
        dirtyNamespaces.insert(object.name)
    }

    /// The grace period of a pod, and the seconds it really takes to stop.
    private func stopTime(of pod: JSONValue, asked: Int64?) -> (grace: Int64, seconds: Double) {
        let grace = min(max(0, asked ?? pod["spec"]["terminationGracePeriodSeconds"].number ?? 30), 1 << 31)
        guard isManaged, pod["status"]["phase"].text == "Running" else { return (grace, 0) }
        let wish = pod.annotations[Self.shutdownAnnotation].flatMap(Double.init)
        return (grace, min(Double(grace), max(0, wish ?? shutdownSeconds)))
    }

    /// Removes the pods that have stopped by now.
    mutating func removeStopped(now: Double) {
        for (key, end) in stopping where end <= now {
            stopping[key] = nil
            guard let pod = store.find(.pod, namespace: key.namespace, name: key.name), pod.value(.pod).uid == key.uid
            else { continue }
            removeIfReleased(.pod, pod)
        }
        settle()
    }

    /// Removes an object that is being deleted once no finalizer holds it and it has stopped.
    mutating func removeIfReleased(_ kind: ResourceKind, _ object: StoredObject) {
        let value = object.value(kind)
        guard !value["metadata"]["deletionTimestamp"].isNull, value["metadata"]["finalizers"].elements.isEmpty,
            kind != .namespace
        else { return }
        let key = StoppingKey(namespace: object.namespace, name: object.name, uid: value.uid)
        if kind == .pod, stopping[key] != nil { return }
        remove(kind, object)
    }

    /// Removes a namespace that is being deleted when nothing is left in it.
    mutating func removeIfEmpty(namespace: String) {
        guard let stored = store.find(.namespace, namespace: "", name: namespace) else { return }
        let value = stored.value(.namespace)
        guard !value["metadata"]["deletionTimestamp"].isNull, value["metadata"]["finalizers"].elements.isEmpty,
            !kinds.contains(where: { $0.isNamespaced && !store.list($0, namespace: namespace).isEmpty })
        else { return }
        remove(.namespace, stored)
    }

    /// Removes without settling, so that owners and owned go in one step.
    mutating func remove(_ kind: ResourceKind, _ object: StoredObject) {
        let old = object.value(kind)
        guard store.remove(kind, namespace: object.namespace, name: object.name) != nil else { return }
        if isManaged { release(kind, old) }
        if kind == .pod {
            stopping[StoppingKey(namespace: object.namespace, name: object.name, uid: old.uid)] = nil
        }
        touched(kind, old: old, new: nil)
        let owners: [ResourceKind] = [.deployment, .replicaSet, .statefulSet, .replicationController]
        guard isManaged, owners.contains(kind) else { return }
        for inner in [ResourceKind.replicaSet, .pod] {
            for owned in store.list(inner, namespace: object.namespace)
            where Self.isOwned(owned.value(inner), by: old) {
                terminate(inner, owned)
            }
        }
    }

    private static func isOwned(_ object: JSONValue, by owner: JSONValue) -> Bool {
        object["metadata"]["ownerReferences"].elements.contains { $0["uid"] == owner["metadata"]["uid"] }
    }

    /// Takes the owner out of what it owns.
    private mutating func orphan(ownedBy owner: JSONValue) {
        for kind in [ResourceKind.replicaSet, .pod] {
            for stored in store.list(kind, namespace: owner.namespace) {
                var value = stored.value(kind)
                guard Self.isOwned(value, by: owner) else { continue }
                let left = value["metadata"]["ownerReferences"].elements.filter {
                    $0["uid"] != owner["metadata"]["uid"]
                }
                value.set("metadata", "ownerReferences", left.isEmpty ? .null : .array(left))
                write(kind, value)
            }
        }
    }
}
