import Foundation

/// The cluster: its objects, what is allocated, and which parts the controllers still have to look at.
package struct ClusterState: Sendable {
    package var store: ObjectStore
    var services4 = AddressPool.services4
    var services6 = AddressPool.services6
    var pods4 = AddressPool.pods4
    var pods6 = AddressPool.pods6
    var ingress4 = AddressPool.ingress4
    var ingress6 = AddressPool.ingress6
    var nodes4 = AddressPool.nodes4
    var nodePorts = Set<Int64>()
    /// Counts created pods, so that every generated name is new.
    var serial: UInt64 = 0
    /// Whether the controllers run; off for objects that are complete already.
    package let isManaged: Bool
    private(set) var dirtyServices: Set<ObjectKey> = []
    private(set) var dirtyWorkloads: Set<WorkloadKey> = []
    private var isSettling = false

    package init(isManaged: Bool = true, historyLimit: Int = 4096) {
        self.isManaged = isManaged
        store = ObjectStore(historyLimit: historyLimit)
    }

    /// A namespace and a name.
    struct ObjectKey: Hashable, Sendable {
        let namespace: String
        let name: String
    }

    struct WorkloadKey: Hashable, Sendable {
        let kind: Int
        let object: ObjectKey
    }

    // MARK: Writing

    /// Adds an object after defaulting, validation and allocation.
    @discardableResult
    package mutating func create(
        _ kind: ResourceKind, _ given: JSONValue, isDryRun: Bool = false
    ) throws(StatusError) -> StoredObject {
        var object = given.withoutType
        if object.name.isEmpty, let prefix = object["metadata"]["generateName"].text, !prefix.isEmpty {
            serial += 1
            object.set("metadata", "name", .string(prefix + NameSuffix.of("\(prefix)\(serial)", length: 5)))
        }
        try Validation.metadata(kind, object)
        guard store.find(kind, namespace: object.namespace, name: object.name) == nil else {
            throw .alreadyExists(kind, object.name)
        }
        if kind.isNamespaced, store.find(.namespace, namespace: "", name: object.namespace) == nil {
            throw .notFound(.namespace, object.namespace)
        }
        object.set("metadata", "uid", .string(UUID().uuidString.lowercased()))
        if object["metadata"]["creationTimestamp"].isNull {
            object.set("metadata", "creationTimestamp", .string(Timestamp.now.text()))
        }
        if kind.hasGeneration { object.set("metadata", "generation", 1) }
        try admit(kind, &object, replacing: nil)
        if isDryRun {
            if isManaged { release(kind, object) }
            return StoredObject(object, version: store.version)
        }
        let stored = store.put(kind, object)
        touched(kind, old: nil, new: object)
        settle()
        return store.find(kind, namespace: stored.namespace, name: stored.name) ?? stored
    }

    /// What a write may change.
    package enum Part: Sendable {
        case everything
        case allButStatus
        case status
    }

    /// Replaces an object; a version in the given metadata must be the current one.
    @discardableResult
    package mutating func update(
        _ kind: ResourceKind, namespace: String, name: String, to given: JSONValue, part: Part = .allButStatus,
        isDryRun: Bool = false
    ) throws(StatusError) -> StoredObject {
        guard let current = store.find(kind, namespace: namespace, name: name) else { throw .notFound(kind, name) }
        let old = current.value(kind)
        var object = given.withoutType
        try Validation.sameObject(kind, old: old, new: object, namespace: namespace, name: name)
        if let asked = object["metadata"]["resourceVersion"].text, !asked.isEmpty, asked != String(current.version) {
            throw .conflict(kind, name, StatusError.staleVersion)
        }
        if part == .status {
            var changed = old
            changed["status"] = object["status"]
            object = changed
        } else if part == .allButStatus, kind.subresources.contains("status") {
            object["status"] = old["status"]
        }
        for member in ["uid", "creationTimestamp", "generation", "namespace", "name", "deletionTimestamp"] {
            object.set("metadata", member, old["metadata"][member])
        }
        try Validation.metadata(kind, object)
        // Copying is dear for a large cluster, and only a dry run has to take allocations back.
        let before = isDryRun ? self : nil
        try admit(kind, &object, replacing: old)
        object.set("metadata", "resourceVersion", old["metadata"]["resourceVersion"])
        if let before {
            self = before
            return StoredObject(object, version: current.version)
        }
        // A write that changes nothing is no event, as in the API server.
        if object.sortedByName == old.sortedByName { return StoredObject(object, version: current.version) }
        if kind.hasGeneration, object.desired.sortedByName != old.desired.sortedByName {
            object.set("metadata", "generation", .int((old["metadata"]["generation"].number ?? 0) + 1))
        }
        let stored = store.put(kind, object)
        touched(kind, old: old, new: object)
        settle()
        return store.find(kind, namespace: namespace, name: name) ?? stored
    }

    /// Removes an object and what it owns.
    @discardableResult
    package mutating func delete(
        _ kind: ResourceKind, namespace: String, name: String
    ) throws(StatusError) -> StoredObject {
        guard let current = store.find(kind, namespace: namespace, name: name) else { throw .notFound(kind, name) }
        remove(kind, current)
        settle()
        return current
    }

    /// Removes without settling, so that owners and owned go in one step.
    mutating func remove(_ kind: ResourceKind, _ object: StoredObject) {
        let old = object.value(kind)
        guard store.remove(kind, namespace: object.namespace, name: object.name) != nil else { return }
        if isManaged { release(kind, old) }
        touched(kind, old: old, new: nil)
        if kind == .namespace {
            for inner in ResourceKind.all where inner.isNamespaced {
                for object in store.list(inner, namespace: object.name) { remove(inner, object) }
            }
        }
        guard isManaged, [ResourceKind.deployment, .replicaSet, .statefulSet].contains(kind) else { return }
        for inner in [ResourceKind.replicaSet, .pod] {
            for owned in store.list(inner, namespace: object.namespace)
            where owned.value(inner)["metadata"]["ownerReferences"].elements.contains(where: {
                $0["uid"] == old["metadata"]["uid"]
            }) {
                remove(inner, owned)
            }
        }
    }

    /// Writes what a controller decided: no admission, no version check, and no event when nothing changed.
    mutating func write(_ kind: ResourceKind, _ object: JSONValue) {
        let current = store.find(kind, namespace: object.namespace, name: object.name)
        let old = current?.value(kind)
        if let old {
            var compared = object
            compared.set("metadata", "resourceVersion", old["metadata"]["resourceVersion"])
            if compared.sortedByName == old.sortedByName { return }
        }
        store.put(kind, object)
        touched(kind, old: old, new: object)
    }

    // MARK: Settling

    /// Notes which controllers have to look again after a write.
    private mutating func touched(_ kind: ResourceKind, old: JSONValue?, new: JSONValue?) {
        guard isManaged, let object = new ?? old else { return }
        let key = ObjectKey(namespace: object.namespace, name: object.name)
        switch kind {
        case .service: dirtyServices.insert(key)
        case .pod:
            for version in [old, new] {
                guard let labels = version?.labels else { continue }
                for service in servicesSelecting(labels, namespace: object.namespace) { dirtyServices.insert(service) }
            }
            for owner in object["metadata"]["ownerReferences"].elements {
                for workload in [ResourceKind.replicaSet, .statefulSet] where owner["kind"].text == workload.kind {
                    let name = owner["name"].text ?? ""
                    dirtyWorkloads.insert(
                        .init(kind: workload.index, object: .init(namespace: key.namespace, name: name)))
                }
            }
        case .deployment, .replicaSet, .statefulSet:
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
        default: break
        }
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
        guard isManaged, !isSettling, !isHeld else { return }
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
            } else {
                return
            }
        }
    }

    /// While a batch of manifests is loading, controllers wait for its end.
    private var isHeld = false
    package mutating func batch<Result>(_ body: (inout ClusterState) throws -> Result) rethrows -> Result {
        isHeld = true
        defer {
            isHeld = false
            settle()
        }
        return try body(&self)
    }
}

extension JSONValue {
    /// The object without kind and apiVersion, as the store keeps it.
    package var withoutType: JSONValue {
        .object(members.filter { $0.name != "kind" && $0.name != "apiVersion" })
    }

    /// What the user wants, without bookkeeping and status.
    fileprivate var desired: JSONValue {
        .object(members.filter { $0.name != "metadata" && $0.name != "status" })
    }

    /// The same value with members in name order and nulls left out, for comparing.
    var sortedByName: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.sortedByName))
        case .object(let members):
            .object(
                members.filter { !$0.value.isNull }.map { Member($0.name, $0.value.sortedByName) }
                    .sorted { $0.name < $1.name })
        default: self
        }
    }
}

/// The random-looking ends of generated names, from Kubernetes' alphabet without vowels; equal input, equal name.
enum NameSuffix {
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")

    static func of(_ text: String, length: Int) -> String {
        var hash = hash(text)
        var suffix = ""
        for _ in 0..<length {
            suffix.append(alphabet[Int(hash % UInt64(alphabet.count))])
            hash = hash / UInt64(alphabet.count) ^ (hash << 40)
        }
        return suffix
    }

    /// FNV-1a.
    static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash ^ hash >> 29
    }
}
