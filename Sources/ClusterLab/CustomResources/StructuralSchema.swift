import Text

/// Applies a definition's structural schema (OpenAPI v3 as CustomResourceDefinitions use it) to an object.
struct StructuralSchema {
    let schema: JSONValue
    /// Whether what is missing gets the schema's defaults.
    var fillsDefaults = false
    /// How deep objects are looked into; schemas cannot refer to themselves, objects may be deeper than they say.
    private static let deepest = 64

    /// The object with unknown fields taken out, and defaults filled in where wanted; the paths of the fields are told.
    func admitted(_ object: JSONValue) -> (object: JSONValue, unknown: [String]) {
        guard schema.isObject else { return (object, []) }
        var unknown: [String] = []
        var result = object
        for member in object.members where !["apiVersion", "kind", "metadata"].contains(member.name) {
            guard let known = Self.property(member.name, of: schema) else {
                if !Self.keepsUnknown(schema) {
                    result[member.name] = .null
                    unknown.append(member.name)
                }
                continue
            }
            result[member.name] = admitted(member.value, known, member.name, 0, &unknown)
        }
        if fillsDefaults { Self.fillDefaults(of: schema, in: &result) }
        return (result, unknown)
    }

    private static func keepsUnknown(_ schema: JSONValue) -> Bool {
        schema["x-kubernetes-preserve-unknown-fields"].flag == true
    }

    private static func property(_ name: String, of schema: JSONValue) -> JSONValue? {
        if schema["properties"].has(name) { return schema["properties"][name] }
        let additional = schema["additionalProperties"]
        if additional.isObject { return additional }
        return additional.flag == true ? .object([]) : nil
    }

    private static func fillDefaults(of schema: JSONValue, in object: inout JSONValue) {
        for property in schema["properties"].members { object.setDefault(property.name, property.value["default"]) }
    }

    private func admitted(
        _ value: JSONValue, _ schema: JSONValue, _ path: String, _ depth: Int, _ unknown: inout [String]
    ) -> JSONValue {
        guard depth < Self.deepest else { return value }
        switch value {
        case .object(let members):
            // An empty schema, and one of raw extensions, says nothing of what is inside.
            let isOpen =
                Self.keepsUnknown(schema) || schema["x-kubernetes-embedded-resource"].flag == true
                || !schema.has("properties") && !schema.has("additionalProperties") && schema["type"].isNull
            var kept: JSONValue = .object([])
            for member in members {
                if let known = Self.property(member.name, of: schema) {
                    kept[member.name] = admitted(member.value, known, "\(path).\(member.name)", depth + 1, &unknown)
                } else if isOpen {
                    kept[member.name] = member.value
                } else {
                    unknown.append("\(path).\(member.name)")
                }
            }
            if fillsDefaults { Self.fillDefaults(of: schema, in: &kept) }
            return kept
        case .array(let elements):
            return .array(
                elements.enumerated().map {
                    admitted($1, schema["items"], "\(path)[\($0)]", depth + 1, &unknown)
                })
        default: return value
        }
    }

    /// The first place where the object is not what the schema asks for, with the words of the API server.
    func violation(in object: JSONValue) -> (field: String, message: String)? {
        guard schema.isObject else { return nil }
        return Self.violation(object, schema, "", 0)
    }

    private static func violation(
        _ value: JSONValue, _ schema: JSONValue, _ path: String, _ depth: Int
    ) -> (field: String, message: String)? {
        guard depth < deepest, !value.isNull else { return nil }
        let type = schema["type"].text ?? ""
        let isIntOrText = schema["x-kubernetes-int-or-string"].flag == true
        if !isIntOrText, !type.isEmpty, !fits(value, type) {
            return (
                path, "Invalid value: \(value.description): \(path) in body must be of type \(type): \(value.typeName)"
            )
        }
        if !schema["enum"].elements.isEmpty, !schema["enum"].elements.contains(value) {
            let allowed = schema["enum"].elements.map(\.description).joined(separator: ", ")
            return (path, "Unsupported value: \(value.description): supported values: \(allowed)")
        }
        if let bound = limit(of: value, schema) { return (path, "Invalid value: \(value.description): \(bound)") }
        for name in schema["required"].elements.compactMap(\.text) where value.isObject && value[name].isNull {
            return (join(path, name), "Required value")
        }
        for member in value.members {
            guard let inner = property(member.name, of: schema) else { continue }
            if let found = violation(member.value, inner, join(path, member.name), depth + 1) { return found }
        }
        for (position, element) in value.elements.enumerated() {
            if let found = violation(element, schema["items"], "\(path)[\(position)]", depth + 1) { return found }
        }
        return nil
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    private static func limit(of value: JSONValue, _ schema: JSONValue) -> String? {
        if let number = value.number {
            if let least = schema["minimum"].number, number < least {
                return "should be greater than or equal to \(least)"
            }
            if let most = schema["maximum"].number, number > most { return "should be less than or equal to \(most)" }
        }
        let size = value.text.map { Int64($0.unicodeScalars.count) }
        if let size, let most = schema["maxLength"].number, size > most { return "may not be longer than \(most)" }
        if let size, let least = schema["minLength"].number, size < least {
            return "should be at least \(least) chars long"
        }
        if case .array(let elements) = value {
            if let most = schema["maxItems"].number, Int64(elements.count) > most {
                return "must have at most \(most) items"
            }
            if let least = schema["minItems"].number, Int64(elements.count) < least {
                return "should have at least \(least) items"
            }
        }
        return nil
    }

    private static func fits(_ value: JSONValue, _ type: String) -> Bool {
        switch type {
        case "object": value.isObject
        case "array": value.isArray
        case "string": value.text != nil
        case "boolean": value.flag != nil
        case "integer": value.number != nil
        case "number": value.number != nil || value.isReal
        default: true
        }
    }
}

extension JSONValue {
    fileprivate var isReal: Bool { if case .real = self { true } else { false } }

    /// The type's name in JSON.
    fileprivate var typeName: String {
        switch self {
        case .null: "\"null\""
        case .bool: "\"boolean\""
        case .int: "\"integer\""
        case .real: "\"number\""
        case .string: "\"string\""
        case .array: "\"array\""
        case .object: "\"object\""
        }
    }
}
