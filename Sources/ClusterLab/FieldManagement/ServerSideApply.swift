import Text

/// Server-side apply: merges what a manager states, takes away what it no longer states, and asks before it overrides.
struct ServerSideApply {
    let kind: ResourceKind
    let manager: FieldManager
    /// The object the manager states, without bookkeeping.
    let applied: JSONValue

    /// What an apply comes to: the object to store, and its manager with the fields it states.
    struct Outcome {
        var object: JSONValue
        var manager: FieldManager
    }

    init(_ applied: JSONValue, _ kind: ResourceKind, by manager: FieldManager) {
        (self.kind, self.manager) = (kind, manager)
        self.applied = applied
    }

    private var shape: FieldShape { FieldShape(kind) }

    /// The fields the manager states.
    private var stated: FieldSet { FieldSet(of: applied.ownable(kind, subresource: manager.subresource), shape) }

    /// The outcome for an object that is not there yet.
    func creating() -> Outcome {
        var manager = manager
        manager.applied = stated
        return Outcome(object: applied, manager: manager)
    }

    /// The outcome over the stored object (with kind and apiVersion); refused with 409 where others own other values.
    func updating(_ current: JSONValue) throws(StatusError) -> Outcome {
        var managed = ManagedFields(current["metadata"]["managedFields"])
        let live = current.ownable(kind, subresource: manager.subresource)
        if managed.entries.isEmpty {
            // What was there before anybody applied belongs to somebody unknown.
            let unknown = FieldManager(name: "before-first-apply", subresource: manager.subresource)
            managed.set(ManagedFields.entry(unknown, kind, fields: FieldSet(of: live, shape)))
        }
        var manager = manager
        let stated = stated
        manager.applied = stated
        let own = ManagedFields.entry(manager, kind, fields: stated)
        let part = applied.ownable(kind, subresource: manager.subresource)
        var merged = Self.merge(part, into: live, shape)
        let changed = FieldSet.difference(from: live, to: merged, shape).changed
        let conflicts = managed.entries.filter { !$0.isSame(own) }.flatMap { entry in
            entry.fields.intersection(changed).paths().map { (entry, $0) }
        }
        if !conflicts.isEmpty {
            guard manager.isForced else { throw Self.conflict(conflicts) }
            for position in managed.entries.indices where !managed.entries[position].isSame(own) {
                managed.entries[position].fields = managed.entries[position].fields.subtracting(changed)
            }
        }
        let last = managed.entries.first { $0.isSame(own) }?.fields ?? FieldSet()
        let others = managed.entries.filter { !$0.isSame(own) }.reduce(stated) { $0.union($1.fields) }
        merged = Self.remove(last.subtracting(others), keeping: others, from: merged, shape)
        managed.entries.removeAll { $0.fields.isEmpty }
        return Outcome(object: whole(merged, over: current, managed), manager: manager)
    }

    /// The merged part, with what is not the managers' as it is stored.
    private func whole(_ merged: JSONValue, over current: JSONValue, _ managed: ManagedFields) -> JSONValue {
        var object = current
        for name in Set(current.members.map(\.name) + merged.members.map(\.name)) {
            let isStatus = name == "status" && kind.subresources.contains("status")
            if ["kind", "apiVersion", "metadata"].contains(name) || isStatus != (manager.subresource == "status") {
                continue
            }
            object[name] = merged[name]
        }
        for name in ["labels", "annotations", "finalizers", "ownerReferences", "generateName"] {
            object.set("metadata", name, merged["metadata"][name])
        }
        if let version = applied["metadata"]["resourceVersion"].text {
            object.set("metadata", "resourceVersion", .string(version))
        } else {
            object.set("metadata", "resourceVersion", .null)
        }
        // An empty list says that nobody else owns anything, which is not the same as saying nothing.
        object.set("metadata", "managedFields", managed.value.isNull ? .array([]) : managed.value)
        return object
    }

    // MARK: Merging

    private static func merge(_ applied: JSONValue, into live: JSONValue, _ shape: FieldShape) -> JSONValue {
        switch (applied, live) {
        case (.object(let members), .object) where !shape.isWholeObject:
            var result = live
            for member in members where !member.value.isNull {
                result[member.name] = merge(member.value, into: live[member.name], shape.member(member.name))
            }
            return result
        case (.array(let wanted), .array(let existing)) where shape.list != .whole:
            var result = existing
            for element in wanted {
                guard let step = shape.step(of: element) else { return applied }
                if let position = result.firstIndex(where: { shape.step(of: $0) == step }) {
                    result[position] = merge(element, into: result[position], shape.element)
                } else {
                    result.append(element)
                }
            }
            return .array(result)
        default: return applied
        }
    }

    /// Takes fields out that nobody owns any more; containers that become empty go with them.
    private static func remove(
        _ gone: FieldSet, keeping others: FieldSet, from value: JSONValue, _ shape: FieldShape
    ) -> JSONValue {
        switch value {
        case .object(let members) where !shape.isWholeObject:
            var result: JSONValue = .object([])
            for member in members {
                let step = "f:" + member.name
                guard let lost = gone.children[step] else {
                    result[member.name] = member.value
                    continue
                }
                let kept = others.children[step] ?? FieldSet()
                if lost.isOwned, kept.isEmpty { continue }
                let left = remove(lost, keeping: kept, from: member.value, shape.member(member.name))
                let becameEmpty = left.members.isEmpty && left.elements.isEmpty && left != member.value
                if !becameEmpty || kept.isOwned { result[member.name] = left }
            }
            return result
        case .array(let elements) where shape.list != .whole:
            return .array(
                elements.compactMap { element in
                    guard let step = shape.step(of: element), let lost = gone.children[step] else { return element }
                    let kept = others.children[step] ?? FieldSet()
                    if lost.isOwned, kept.isEmpty { return nil }
                    return remove(lost, keeping: kept, from: element, shape.element)
                })
        default: return value
        }
    }

    // MARK: Conflicts

    private static func conflict(_ conflicts: [(entry: ManagedFields.Entry, path: String)]) -> StatusError {
        var message: String
        if conflicts.count == 1 {
            let name = name(of: conflicts[0].entry)
            message = "Apply failed with 1 conflict: conflict with \(name): \(conflicts[0].path)"
        } else {
            message = "Apply failed with \(conflicts.count) conflicts: "
            var lines: [String] = []
            for name in Set(conflicts.map { Self.name(of: $0.entry) }).sorted() {
                lines.append("conflicts with \(name):")
                lines += conflicts.filter { Self.name(of: $0.entry) == name }.map { "- \($0.path)" }
            }
            message += lines.joined(separator: "\n")
        }
        let causes = conflicts.map { entry, path -> JSONValue in
            [
                "reason": "FieldManagerConflict", "message": .string("conflict with \(name(of: entry))"),
                "field": .string(path),
            ]
        }
        return StatusError(code: 409, reason: "Conflict", message: message, details: ["causes": .array(causes)])
    }

    /// A manager in the API server's words.
    private static func name(of entry: ManagedFields.Entry) -> String {
        var name = "\"\(entry.manager)\""
        if !entry.subresource.isEmpty { name += " with subresource \"\(entry.subresource)\"" }
        return entry.operation == "Update" ? "\(name) using \(entry.apiVersion)" : name
    }
}
