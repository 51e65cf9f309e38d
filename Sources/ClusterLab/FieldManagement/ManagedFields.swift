import Text

/// Who writes, as `metadata.managedFields` remembers it.
package struct FieldManager: Sendable, Equatable {
    package var name: String
    /// A sub-resource through which is written: `status` or `scale`.
    package var subresource = ""
    /// What a server-side apply states; nil for every other write.
    var applied: FieldSet?
    /// Takes fields that others own and that have another value.
    package var isForced = false

    package init(name: String, subresource: String = "") { (self.name, self.subresource) = (name, subresource) }

    /// The name a client goes by without saying one: its program, as the API server reads it from User-Agent.
    static func name(userAgent: String?) -> String {
        let program = userAgent?.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        return String(program.prefix(128))
    }
}

/// The managers of an object and the fields each of them owns.
struct ManagedFields: Equatable {
    /// One manager's fields.
    struct Entry: Equatable {
        var manager: String
        /// `Apply` or `Update`.
        var operation: String
        var apiVersion: String
        var subresource: String
        var time: JSONValue
        var fields: FieldSet

        func isSame(_ other: Entry) -> Bool {
            manager == other.manager && operation == other.operation && apiVersion == other.apiVersion
                && subresource == other.subresource
        }
    }

    var entries: [Entry] = []
    /// So many managers that only update are told apart; the oldest become one.
    private static let updaterLimit = 10
    private static let ancient = "ancient-changes"

    init(_ value: JSONValue) {
        entries = value.elements.filter { $0["fieldsType"].text == "FieldsV1" }.map { entry in
            Entry(
                manager: entry["manager"].text ?? "", operation: entry["operation"].text ?? "Update",
                apiVersion: entry["apiVersion"].text ?? "", subresource: entry["subresource"].text ?? "",
                time: entry["time"], fields: FieldSet(entry["fieldsV1"]))
        }
    }

    var value: JSONValue {
        let sorted = entries.enumerated().sorted { one, other in
            func rank(_ entry: Entry) -> (Int, String, String) {
                (entry.operation == "Apply" ? 0 : 1, entry.time.text ?? "", entry.manager)
            }
            return rank(one.element) == rank(other.element)
                ? one.offset < other.offset : rank(one.element) < rank(other.element)
        }
        let values = sorted.map { _, entry -> JSONValue in
            [
                "manager": .string(entry.manager), "operation": .string(entry.operation),
                "apiVersion": .string(entry.apiVersion), "time": entry.time, "fieldsType": "FieldsV1",
                "fieldsV1": entry.fields.value,
                "subresource": entry.subresource.isEmpty ? .null : .string(entry.subresource),
            ]
        }
        return values.isEmpty ? .null : .array(values)
    }

    /// The entry a manager's writes belong to.
    static func entry(_ manager: FieldManager, _ kind: ResourceKind, fields: FieldSet) -> Entry {
        Entry(
            manager: manager.name, operation: manager.applied == nil ? "Update" : "Apply", apiVersion: kind.apiVersion,
            subresource: manager.subresource, time: .string(Timestamp.now.text()), fields: fields)
    }

    /// Notes an update: what changed is the manager's now, and no longer anybody else's.
    mutating func note(_ entry: Entry, removed: FieldSet) {
        for position in entries.indices {
            entries[position].fields = entries[position].fields.removing(removed)
            guard !entries[position].isSame(entry) else { continue }
            entries[position].fields = entries[position].fields.subtracting(entry.fields)
        }
        if let position = entries.firstIndex(where: { $0.isSame(entry) }) {
            let all = entries[position].fields.union(entry.fields)
            if all != entries[position].fields {
                entries[position].fields = all
                entries[position].time = entry.time
            }
        } else if !entry.fields.isEmpty {
            entries.append(entry)
        }
        entries.removeAll { $0.fields.isEmpty }
        mergeOldest()
    }

    /// Sets what a manager applies now, in place of what it applied before.
    mutating func set(_ entry: Entry) {
        if let position = entries.firstIndex(where: { $0.isSame(entry) }) {
            if entries[position].fields != entry.fields { entries[position] = entry }
        } else {
            entries.append(entry)
        }
        entries.removeAll { $0.fields.isEmpty }
    }

    private mutating func mergeOldest() {
        while true {
            let updaters = entries.indices.filter {
                entries[$0].operation == "Update" && entries[$0].subresource.isEmpty
            }
            guard updaters.count > Self.updaterLimit else { return }
            let oldest = updaters.sorted { (entries[$0].time.text ?? "") < (entries[$1].time.text ?? "") }
            guard oldest.count > 1 else { return }
            entries[oldest[0]].manager = Self.ancient
            entries[oldest[0]].fields = entries[oldest[0]].fields.union(entries[oldest[1]].fields)
            entries[oldest[0]].time = entries[oldest[1]].time
            entries.remove(at: oldest[1])
        }
    }
}

extension JSONValue {
    /// Metadata that belongs to the system, and to no manager.
    private static let systemMetadata = [
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "selfLink", "managedFields",
    ]

    /// The part of an object whose fields are owned by those who write it.
    func ownable(_ kind: ResourceKind, subresource: String) -> JSONValue {
        var part = withoutType
        for member in Self.systemMetadata { part.set("metadata", member, .null) }
        if part["metadata"].members.isEmpty { part["metadata"] = .null }
        if subresource == "status" { return .object(part.members.filter { $0.name == "status" }) }
        if kind.subresources.contains("status") { part["status"] = .null }
        return part
    }

    /// Notes the creator of an object: what was given, not what was filled in.
    mutating func noteManager(_ manager: FieldManager, _ kind: ResourceKind, given: JSONValue) {
        let shape = FieldShape(kind)
        let fields = manager.applied ?? FieldSet(of: given.ownable(kind, subresource: manager.subresource), shape)
        var managed = ManagedFields(self["metadata"]["managedFields"])
        managed.entries = []
        managed.set(ManagedFields.entry(manager, kind, fields: fields))
        set("metadata", "managedFields", managed.value)
    }

    /// Notes who changed an object; without a manager the notes stay as they were.
    mutating func noteManager(_ manager: FieldManager?, _ kind: ResourceKind, old: JSONValue) {
        let earlier = old["metadata"]["managedFields"]
        guard let manager else {
            set("metadata", "managedFields", earlier)
            return
        }
        // A client may write the notes itself, or take them back with an empty list.
        let given = self["metadata"]["managedFields"]
        var managed = ManagedFields(given.isNull ? earlier : given)
        let difference = FieldSet.difference(
            from: old.ownable(kind, subresource: manager.subresource),
            to: ownable(kind, subresource: manager.subresource), FieldShape(kind))
        if let applied = manager.applied {
            managed.set(ManagedFields.entry(manager, kind, fields: applied))
        } else {
            managed.note(ManagedFields.entry(manager, kind, fields: difference.changed), removed: difference.removed)
        }
        set("metadata", "managedFields", managed.value)
    }
}
