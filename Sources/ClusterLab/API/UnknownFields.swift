import Text

/// Finds the fields of a built-in kind that its API does not know.
enum UnknownFields {
    /// Member name → type of every message, those of inlined messages included.
    private static let members: [[String: FieldType]] = Schemas.all.indices.map { members(of: $0, depth: 0) }

    private static func members(of place: Int, depth: Int) -> [String: FieldType] {
        var found: [String: FieldType] = [:]
        guard depth < 8 else { return found }
        for field in Schemas.all[place].fields {
            if case .inline(let inner) = field.type {
                found.merge(members(of: inner, depth: depth + 1)) { first, _ in first }
            } else {
                found[field.name] = field.type
            }
        }
        return found
    }

    /// The object without the fields its kind does not know, and their paths.
    static func removed(from object: JSONValue, _ kind: ResourceKind) -> (object: JSONValue, paths: [String]) {
        if let custom = kind.custom {
            let (admitted, unknown) = StructuralSchema(schema: custom.schema).admitted(object)
            return (admitted, unknown)
        }
        guard let schema = kind.schema, let place = Schemas.places[schema.name] else { return (object, []) }
        var paths: [String] = []
        let kept = message(object, place, "", 0, &paths)
        return (kept, paths)
    }

    private static func message(
        _ value: JSONValue, _ place: Int, _ path: String, _ depth: Int, _ paths: inout [String]
    ) -> JSONValue {
        guard case .object(let given) = value, depth < 64, place < members.count else { return value }
        let known = members[place]
        var kept: [JSONValue.Member] = []
        kept.reserveCapacity(given.count)
        for member in given {
            let inner = path.isEmpty ? member.name : "\(path).\(member.name)"
            if depth == 0, member.name == "kind" || member.name == "apiVersion" {
                kept.append(member)
            } else if let type = known[member.name] {
                kept.append(.init(member.name, self.value(member.value, type, inner, depth + 1, &paths)))
            } else {
                paths.append(inner)
            }
        }
        return .object(kept)
    }

    private static func value(
        _ value: JSONValue, _ type: FieldType, _ path: String, _ depth: Int, _ paths: inout [String]
    ) -> JSONValue {
        switch (type, value) {
        case (.message(let place), _): return message(value, place, path, depth, &paths)
        case (.list(let element), .array(let elements)):
            return .array(
                elements.enumerated().map { self.value($1, element, "\(path)[\($0)]", depth, &paths) })
        case (.map(let element), .object(let members)):
            return .object(
                members.map { .init($0.name, self.value($0.value, element, "\(path).\($0.name)", depth, &paths)) })
        default: return value
        }
    }
}
