import Text

/// The OpenAPI v3 documents: what `kubectl explain` prints, and that validation is left to the server.
enum OpenAPI {
    /// The older document, without definitions: clients that ask it for a kind find none and go on without.
    static let emptyV2: JSONValue = [
        "swagger": "2.0", "info": ["title": "Kubernetes", "version": "v1.36.2"], "paths": .object([]),
    ]
    /// `swagger` as the first field of the protobuf form.
    static let emptyV2Protobuf: [UInt8] = [0x0A, 0x03] + Array("2.0".utf8)
    static let v2ProtobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

    /// The list of documents, or the one of a group's version; nil where nothing is served.
    static func document(_ words: [String], of kinds: [ResourceKind]) -> JSONValue? {
        guard words.first == "v3" else { return nil }
        if words.count == 1 { return list(of: kinds) }
        let isLegacy = words[1] == "api"
        let group = isLegacy ? "" : words.count > 2 ? words[2] : ""
        let version = words.last ?? ""
        let kinds = kinds.filter { $0.group == group && $0.version == version }
        guard !kinds.isEmpty else { return nil }
        var paths: JSONValue = .object([])
        var schemas: [String: JSONValue] = [:]
        for kind in kinds {
            let base = isLegacy ? "/api/\(version)" : "/apis/\(group)/\(version)"
            let path = base + (kind.isNamespaced ? "/namespaces/{namespace}" : "") + "/\(kind.plural)/{name}"
            paths[path] = [
                "patch": [
                    "parameters": [
                        ["name": "fieldValidation", "in": "query", "schema": ["type": "string"]],
                        ["name": "dryRun", "in": "query", "schema": ["type": "string"]],
                    ], "x-kubernetes-group-version-kind": type(of: kind), "responses": .object([]),
                ]
            ]
            schemas["\(prefix)\(version).\(kind.kind)"] = schema(of: kind, &schemas)
        }
        return [
            "openapi": "3.0.0", "info": ["title": "Kubernetes", "version": "v1.36.2"], "paths": paths,
            "components": [
                "schemas": .object(schemas.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, $0.value) })
            ],
        ]
    }

    private static func list(of kinds: [ResourceKind]) -> JSONValue {
        var paths: JSONValue = .object([])
        for kind in kinds where kind.group.isEmpty || !paths.has("apis/\(kind.apiVersion)") {
            let path = kind.group.isEmpty ? "api/\(kind.version)" : "apis/\(kind.apiVersion)"
            paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=lab")]
        }
        return ["paths": paths]
    }

    private static func type(of kind: ResourceKind) -> JSONValue {
        ["group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind)]
    }

    // MARK: Schemas

    private static let prefix = "io.k8s.api."

    /// What every object has, in the words of its readers.
    private static let descriptions = [
        "apiVersion": "The group and version of the object's kind.", "kind": "The kind of the object.",
        "metadata": "Name, namespace, labels and bookkeeping of the object.",
        "spec": "What is wanted.", "status": "What was found; written by the system.",
    ]

    /// A kind's schema; those of the messages in it are added to `schemas`.
    private static func schema(of kind: ResourceKind, _ schemas: inout [String: JSONValue]) -> JSONValue {
        if let custom = kind.custom, custom.schema.isObject {
            var schema = custom.schema
            var properties = schema["properties"]
            for name in ["apiVersion", "kind"] { properties[name] = described(name, ["type": "string"]) }
            properties["metadata"] = Schemas.places["ObjectMeta"].map { reference(to: $0, &schemas) } ?? .null
            schema["properties"] = properties
            schema["x-kubernetes-group-version-kind"] = [type(of: kind)]
            return schema
        }
        var properties: [JSONValue.Member] = ["apiVersion", "kind"].map { .init($0, described($0, ["type": "string"])) }
        if let message = kind.schema {
            properties += members(of: message, &schemas)
        } else {
            let metadata = Schemas.places["ObjectMeta"].map { reference(to: $0, &schemas) } ?? ["type": "object"]
            properties.append(.init("metadata", described("metadata", metadata)))
            for name in ["spec", "status"] {
                properties.append(
                    .init(
                        name,
                        described(name, ["type": "object", "x-kubernetes-preserve-unknown-fields": true])))
            }
        }
        return [
            "type": "object", "description": .string("\(kind.kind) of \(kind.apiVersion)."),
            "properties": .object(properties.sorted { $0.name < $1.name }),
            "x-kubernetes-group-version-kind": [type(of: kind)], "x-kubernetes-preserve-unknown-fields": true,
        ]
    }

    private static func members(
        of message: MessageSchema, _ schemas: inout [String: JSONValue]
    ) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        for field in message.fields {
            if case .inline(let place) = field.type {
                members += self.members(of: Schemas.all[place], &schemas)
            } else {
                members.append(.init(field.name, described(field.name, property(field.type, &schemas))))
            }
        }
        return members
    }

    /// A reference with a description beside it, as the API server writes it.
    private static func described(_ name: String, _ property: JSONValue) -> JSONValue {
        guard let description = descriptions[name] else { return property }
        var described = property.has("$ref") ? ["allOf": [property]] : property
        described["description"] = .string(description)
        return described
    }

    private static func property(_ type: FieldType, _ schemas: inout [String: JSONValue]) -> JSONValue {
        switch type {
        case .string, .quantity: return ["type": "string"]
        case .bool: return ["type": "boolean"]
        case .integer: return ["type": "integer"]
        case .bytes: return ["type": "string", "format": "byte"]
        case .time: return ["type": "string", "format": "date-time"]
        case .integerOrString: return ["type": "string", "format": "int-or-string"]
        case .rawJSON: return ["type": "object"]
        case .message(let place), .inline(let place): return reference(to: place, &schemas)
        case .list(let element): return ["type": "array", "items": property(element, &schemas)]
        case .map(let value): return ["type": "object", "additionalProperties": property(value, &schemas)]
        }
    }

    private static func reference(to place: Int, _ schemas: inout [String: JSONValue]) -> JSONValue {
        let message = Schemas.all[place]
        let name = prefix + message.name
        if schemas[name] == nil {
            // Noted before its fields are read: a message may hold itself.
            schemas[name] = ["type": "object"]
            let properties = members(of: message, &schemas).sorted { $0.name < $1.name }
            schemas[name] = ["type": "object", "properties": .object(properties)]
        }
        return ["$ref": .string("#/components/schemas/\(name)")]
    }
}
