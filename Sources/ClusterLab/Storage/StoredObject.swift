package import Text

/// One version of one object; immutable, so lists and watches share it.
package final class StoredObject: Sendable {
    package let namespace: String
    package let name: String
    package let version: UInt64
    private let form: Form

    /// Objects people wrote stay JSON; generated ones are kept as protobuf, a fifth of the memory.
    private enum Form {
        case value(JSONValue)
        case protobuf([UInt8])
    }

    /// Keeps a value whose metadata already holds its version; kind and apiVersion are not stored.
    package init(_ value: JSONValue, version: UInt64) {
        namespace = value.namespace
        name = value.name
        self.version = version
        form = .value(value)
    }

    init(namespace: String, name: String, version: UInt64, protobuf: [UInt8]) {
        self.namespace = namespace
        self.name = name
        self.version = version
        form = .protobuf(protobuf)
    }

    /// Where the object stands in its collection, ordered as etcd orders keys.
    package var key: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

    /// The object without kind and apiVersion, as lists show it.
    package func value(_ kind: ResourceKind) -> JSONValue {
        switch form {
        case .value(let value): return value
        case .protobuf(let bytes):
            var reader = ProtobufReader(bytes)
            guard let schema = kind.schema, let value = try? reader.message(schema) else { return .object([]) }
            return value
        }
    }

    /// The object with kind and apiVersion, as it is sent alone.
    package func typed(_ kind: ResourceKind) -> JSONValue {
        .object(
            [.init("kind", .string(kind.kind)), .init("apiVersion", .string(kind.apiVersion))] + value(kind).members)
    }

    /// The object's protobuf message without envelope.
    func protobuf(_ kind: ResourceKind) throws -> [UInt8] {
        switch form {
        case .protobuf(let bytes): return bytes
        case .value(let value):
            let schema = try ObjectEncoding.schema(apiVersion: kind.apiVersion, kind: kind.kind)
            var writer = ProtobufWriter()
            try writer.write(value, as: schema)
            return writer.out
        }
    }
}

/// One event of a collection's history.
package struct Change: Sendable {
    package enum Kind: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
    }

    package let kind: Kind
    package let version: UInt64
    /// The new state; for a deletion the last state with the deletion's version.
    package let object: StoredObject
    package let previous: StoredObject?
}
