import Text

/// Which fields of an object somebody owns: a tree with the steps of `fieldsV1` (`f:name`, `k:{…}`, `v:…`).
struct FieldSet: Equatable, Sendable {
    /// The place itself is owned, not only what is in it.
    var isOwned = false
    var children: [String: FieldSet] = [:]
    /// Trees from clients are read no deeper than this.
    private static let deepest = 100

    static let leaf = FieldSet(isOwned: true)

    var isEmpty: Bool { !isOwned && children.isEmpty }

    // MARK: Between JSON and sets

    /// Reads `fieldsV1`.
    init(_ value: JSONValue, depth: Int = 0) {
        guard depth < Self.deepest else { return }
        isOwned = depth > 0 && (value.members.isEmpty || value.has("."))
        for member in value.members where member.name != "." {
            children[member.name] = FieldSet(member.value, depth: depth + 1)
        }
    }

    init(isOwned: Bool = false, children: [String: FieldSet] = [:]) {
        (self.isOwned, self.children) = (isOwned, children)
    }

    /// As `fieldsV1`, in the order in which the API server writes it.
    var value: JSONValue {
        var members: [JSONValue.Member] = []
        if isOwned, !children.isEmpty { members.append(.init(".", .object([]))) }
        members += children.sorted { $0.key < $1.key }.map { .init($0.key, $0.value.value) }
        return .object(members)
    }

    // MARK: From objects

    /// Every field an object holds.
    init(of value: JSONValue, _ shape: FieldShape, depth: Int = 0) {
        guard depth < Self.deepest else { return }
        switch value {
        case .object(let members) where !shape.isWholeObject && !members.isEmpty:
            for member in members where !member.value.isNull {
                children["f:" + member.name] = FieldSet(of: member.value, shape.member(member.name), depth: depth + 1)
            }
        case .array(let elements) where shape.list != .whole && !elements.isEmpty:
            for element in elements {
                guard let step = shape.step(of: element) else { continue }
                var inner = FieldSet(of: element, shape.element, depth: depth + 1)
                inner.isOwned = true
                children[step] = inner
            }
        default: isOwned = depth > 0
        }
    }

    /// What differs between two states of an object: fields that are new or other, and fields that are gone.
    static func difference(
        from old: JSONValue, to new: JSONValue, _ shape: FieldShape, depth: Int = 0
    ) -> FieldDifference {
        guard depth < deepest else { return FieldDifference() }
        switch (old, new) {
        case (.object, .object) where !shape.isWholeObject:
            var result = FieldDifference()
            for name in Set(old.members.map(\.name) + new.members.map(\.name)) {
                result.add("f:" + name, old[name], new[name], shape.member(name), depth)
            }
            return result
        case (.array(let before), .array(let after)) where shape.list != .whole:
            var result = FieldDifference()
            var earlier: [String: JSONValue] = [:]
            for element in before { if let step = shape.step(of: element) { earlier[step] = element } }
            for element in after {
                guard let step = shape.step(of: element) else { continue }
                result.add(step, earlier.removeValue(forKey: step) ?? .null, element, shape.element, depth)
            }
            for (step, element) in earlier { result.add(step, element, .null, shape.element, depth) }
            return result
        default:
            return old.sortedByName == new.sortedByName ? FieldDifference() : FieldDifference(changed: .leaf)
        }
    }

    // MARK: Arithmetic

    func union(_ other: FieldSet) -> FieldSet {
        FieldSet(isOwned: isOwned || other.isOwned, children: children.merging(other.children) { $0.union($1) })
    }

    func subtracting(_ other: FieldSet) -> FieldSet {
        var result = FieldSet(isOwned: isOwned && !other.isOwned)
        for (step, child) in children {
            let left = other.children[step].map(child.subtracting) ?? child
            if !left.isEmpty { result.children[step] = left }
        }
        return result
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        var result = FieldSet(isOwned: isOwned && other.isOwned)
        for (step, child) in children {
            guard let common = other.children[step].map(child.intersection), !common.isEmpty else { continue }
            result.children[step] = common
        }
        return result
    }

    /// Without a place and everything in it, wherever `other` owns the place.
    func removing(_ other: FieldSet) -> FieldSet {
        var result = FieldSet(isOwned: isOwned && !other.isOwned)
        for (step, child) in children {
            guard let gone = other.children[step] else {
                result.children[step] = child
                continue
            }
            if gone.isOwned { continue }
            let left = child.removing(gone)
            if !left.isEmpty { result.children[step] = left }
        }
        return result
    }

    /// The owned places as people read them: `.spec.ports[port=80,protocol="TCP"].name`.
    func paths(under path: String = "") -> [String] {
        var found = isOwned ? [path] : []
        for (step, child) in children.sorted(by: { $0.key < $1.key }) {
            found += child.paths(under: path + Self.text(ofStep: step))
        }
        return found
    }

    private static func text(ofStep step: String) -> String {
        let rest = step.dropFirst(2)
        switch step.prefix(2) {
        case "f:": return "." + rest
        case "v:": return "[=\(rest)]"
        case "k:":
            let keys = (try? JSONReader.read(Array(rest.utf8)))?.members ?? []
            let pairs = keys.map { "\($0.name)=\(String(decoding: $0.value.bytes, as: UTF8.self))" }
            return "[\(pairs.joined(separator: ","))]"
        default: return "." + step
        }
    }
}

/// What differs between two states of an object.
struct FieldDifference {
    /// Fields that are new or have another value.
    var changed = FieldSet()
    /// Fields that are gone.
    var removed = FieldSet()

    /// Adds what became of one child.
    fileprivate mutating func add(
        _ step: String, _ old: JSONValue, _ new: JSONValue, _ shape: FieldShape, _ depth: Int
    ) {
        if old.isNull, new.isNull { return }
        if new.isNull {
            removed.children[step] = .leaf
        } else if old.isNull {
            var all = FieldSet(of: new, shape, depth: depth + 1)
            if !step.hasPrefix("f:") { all.isOwned = true }
            changed.children[step] = all
        } else {
            let inner = FieldSet.difference(from: old, to: new, shape, depth: depth + 1)
            if !inner.changed.isEmpty { changed.children[step] = inner.changed }
            if !inner.removed.isEmpty { removed.children[step] = inner.removed }
        }
    }
}
