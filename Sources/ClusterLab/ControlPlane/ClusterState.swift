import Foundation
package import Text

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
    var dirtyServices: Set<ObjectKey> = []
    var dirtyWorkloads: Set<WorkloadKey> = []
    /// Namespaces that are being deleted and may be empty by now.
    var dirtyNamespaces: Set<String> = []
    var isSettling = false
    /// While a batch of manifests is loading, controllers wait for its end.
    var isHeld = false
    /// The kinds of each CustomResourceDefinition, one for each served version.
    var customKinds: [String: [ResourceKind]] = [:]
    /// The collection of each definition that ever was, so that one that comes back finds its place.
    var customCollections: [String: Int] = [:]
    /// Pods that are stopping, and when they have stopped, in seconds since 1970.
    var stopping: [StoppingKey: Double] = [:]
    /// Seconds a pod takes to stop, unless its grace period ends before or an annotation says otherwise.
    package var shutdownSeconds = 0.0

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
        _ kind: ResourceKind, _ given: JSONValue, isDryRun: Bool = false, by manager: FieldManager? = nil
    ) throws(StatusError) -> StoredObject {
        var object = given.withoutType
        for member in ["deletionTimestamp", "deletionGracePeriodSeconds"] { object.set("metadata", member, .null) }
        if object.name.isEmpty, let prefix = object["metadata"]["generateName"].text, !prefix.isEmpty {
            serial += 1
            object.set("metadata", "name", .string(prefix + NameSuffix.of("\(prefix)\(serial)", length: 5)))
        }
        try Validation.metadata(kind, object)
        guard store.find(kind, namespace: object.namespace, name: object.name) == nil else {
            throw .alreadyExists(kind, object.name)
        }
        if kind.isNamespaced { try checkNamespace(of: object, kind) }
        object.set("metadata", "uid", .string(UUID().uuidString.lowercased()))
        if object["metadata"]["creationTimestamp"].isNull {
            object.set("metadata", "creationTimestamp", .string(Timestamp.now.text()))
        }
        if kind.hasGeneration { object.set("metadata", "generation", 1) }
        try admit(kind, &object, replacing: nil)
        if let manager { object.noteManager(manager, kind, given: given) }
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
        isDryRun: Bool = false, by manager: FieldManager? = nil
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
        for member in Self.keptMetadata { object.set("metadata", member, old["metadata"][member]) }
        try Validation.metadata(kind, object)
        // Copying is dear for a large cluster, and only a dry run has to take allocations back.
        let before = isDryRun ? self : nil
        try admit(kind, &object, replacing: old)
        object.set("metadata", "resourceVersion", old["metadata"]["resourceVersion"])
        object.noteManager(manager, kind, old: old)
        if let before {
            self = before
            return StoredObject(object, version: current.version)
        }
        // A write that changes nothing is no event, as in the API server.
        if object.sortedByName == old.sortedByName { return StoredObject(object, version: current.version) }
        if kind.hasGeneration, object.desired.sortedByName != old.desired.sortedByName {
            object.set("metadata", "generation", .int((old["metadata"]["generation"].number ?? 0) &+ 1))
        }
        let stored = store.put(kind, object)
        touched(kind, old: old, new: object)
        removeIfReleased(kind, stored)
        settle()
        return store.find(kind, namespace: namespace, name: name) ?? stored
    }

    /// Metadata that no update changes.
    private static let keptMetadata = [
        "uid", "creationTimestamp", "generation", "namespace", "name", "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ]

    private func checkNamespace(of object: JSONValue, _ kind: ResourceKind) throws(StatusError) {
        guard let namespace = store.find(.namespace, namespace: "", name: object.namespace)?.value(.namespace) else {
            throw .notFound(.namespace, object.namespace)
        }
        guard namespace["metadata"]["deletionTimestamp"].isNull else {
            throw .namespaceTerminating(kind, object.name, object.namespace)
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
