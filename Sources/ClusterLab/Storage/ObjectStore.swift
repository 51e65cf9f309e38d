package import Text

/// All objects of the cluster under one rising version, with a bounded history per kind.
package struct ObjectStore: Sendable {
    /// The version of the newest write.
    package private(set) var version: UInt64
    private var collections: [Collection]
    /// Events kept per kind.
    package var historyLimit: Int

    /// The objects of one kind and its latest events.
    private struct Collection: Sendable {
        var objects: [String: StoredObject] = [:]
        var orderedKeys: [String] = []
        var history = History()
    }

    package init(startingAt version: UInt64 = 1, historyLimit: Int = 4096) {
        self.version = version
        self.historyLimit = historyLimit
        collections = ResourceKind.all.map { _ in Collection() }
        for index in collections.indices { collections[index].history.floor = 0 }
    }

    /// Makes room for another kind; its place.
    mutating func addCollection() -> Int {
        var collection = Collection()
        collection.history.floor = version
        collections.append(collection)
        return collections.count - 1
    }

    package func count(_ kind: ResourceKind) -> Int { collections[kind.index].objects.count }

    package func find(_ kind: ResourceKind, namespace: String, name: String) -> StoredObject? {
        collections[kind.index].objects[namespace.isEmpty ? name : "\(namespace)/\(name)"]
    }

    /// The objects of a kind in key order, of one namespace or all.
    package func list(_ kind: ResourceKind, namespace: String? = nil) -> [StoredObject] {
        let collection = collections[kind.index]
        guard let namespace else { return collection.orderedKeys.compactMap { collection.objects[$0] } }
        let prefix = namespace + "/"
        var found: [StoredObject] = []
        var position = collection.orderedKeys.firstPosition { $0 < prefix }
        while position < collection.orderedKeys.count, collection.orderedKeys[position].hasPrefix(prefix) {
            if let object = collection.objects[collection.orderedKeys[position]] { found.append(object) }
            position += 1
        }
        return found
    }

    /// The list as it was at a version; nil when the history no longer reaches back that far.
    package func list(_ kind: ResourceKind, namespace: String?, at wanted: UInt64) -> [StoredObject]? {
        guard let changes = collections[kind.index].history.after(wanted) else { return nil }
        if changes.isEmpty { return list(kind, namespace: namespace) }
        var objects: [String: StoredObject] = [:]
        for object in list(kind, namespace: namespace) { objects[object.key] = object }
        for change in changes.reversed() where namespace == nil || change.object.namespace == namespace {
            objects[change.object.key] = change.previous
        }
        return objects.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The events after a version; nil when the history no longer reaches back that far.
    package func changes(_ kind: ResourceKind, after version: UInt64) -> ArraySlice<Change>? {
        collections[kind.index].history.after(version)
    }

    /// Stores a value under the next version and returns what was stored.
    @discardableResult
    package mutating func put(_ kind: ResourceKind, _ value: JSONValue) -> StoredObject {
        version += 1
        var value = value
        value.set("metadata", "resourceVersion", .string(String(version)))
        let object = StoredObject(value, version: version)
        record(kind, object)
        return object
    }

    /// Stores an already encoded object that carries `version + 1`.
    mutating func put(_ kind: ResourceKind, encoded object: StoredObject) {
        version = max(version + 1, object.version)
        record(kind, object)
    }

    private mutating func record(_ kind: ResourceKind, _ object: StoredObject) {
        let key = object.key
        let previous = collections[kind.index].objects.updateValue(object, forKey: key)
        if previous == nil {
            let position = collections[kind.index].orderedKeys.firstPosition { $0 < key }
            collections[kind.index].orderedKeys.insert(key, at: position)
        }
        collections[kind.index].history.append(
            Change(
                kind: previous == nil ? .added : .modified, version: object.version, object: object,
                previous: previous), limit: historyLimit)
    }

    @discardableResult
    package mutating func remove(_ kind: ResourceKind, namespace: String, name: String) -> StoredObject? {
        guard let previous = find(kind, namespace: namespace, name: name) else { return nil }
        version += 1
        var value = previous.value(kind)
        value.set("metadata", "resourceVersion", .string(String(version)))
        let last = StoredObject(value, version: version)
        let key = previous.key
        collections[kind.index].objects[key] = nil
        let position = collections[kind.index].orderedKeys.firstPosition { $0 < key }
        if position < collections[kind.index].orderedKeys.count, collections[kind.index].orderedKeys[position] == key {
            collections[kind.index].orderedKeys.remove(at: position)
        }
        collections[kind.index].history.append(
            Change(kind: .deleted, version: version, object: last, previous: previous), limit: historyLimit)
        return last
    }

    /// Takes many objects with their versions as the state from which history begins.
    mutating func load(_ kind: ResourceKind, _ objects: [StoredObject]) {
        for object in objects {
            collections[kind.index].objects[object.key] = object
            version = max(version, object.version)
        }
        collections[kind.index].orderedKeys = collections[kind.index].objects.keys.sorted()
    }

    /// Forgets all events, as after a compaction: watches from before answer 410.
    package mutating func compact() {
        for index in collections.indices {
            collections[index].history = History()
            collections[index].history.floor = version
        }
    }

    /// Jumps to another version without events, as a restored backup does; older watches answer 410.
    mutating func restart(at version: UInt64) {
        self.version = version
        compact()
    }
}

/// The latest events of one kind, oldest first.
struct History: Sendable {
    /// The newest version that was forgotten; events after it are complete.
    var floor: UInt64 = 0
    private var events: [Change] = []
    private var start = 0

    mutating func append(_ change: Change, limit: Int) {
        events.append(change)
        guard events.count - start > max(limit, 1) else { return }
        floor = events[start].version
        start += 1
        // Moving the array once per half keeps appending cheap.
        if start > events.count / 2 {
            events.removeFirst(start)
            start = 0
        }
    }

    func after(_ version: UInt64) -> ArraySlice<Change>? {
        guard version >= floor else { return nil }
        var low = start
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].version <= version { low = middle + 1 } else { high = middle }
        }
        return events[low...]
    }
}

extension [String] {
    /// The first place whose element does not satisfy the predicate, in a sorted array.
    func firstPosition(where isBefore: (String) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
