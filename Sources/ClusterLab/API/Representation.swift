import HTTPTypes
import Text

/// In which form the client wants the answer (its Accept header, read in order).
struct Representation: Sendable, Equatable {
    enum Encoding: Sendable {
        case json
        case protobuf
    }

    enum Shape: Sendable {
        case whole
        case table
        case metadataOnly
    }

    var encoding = Encoding.json
    var shape = Shape.whole

    static let jsonType = "application/json"
    static let protobufType = "application/vnd.kubernetes.protobuf"

    init() {}

    /// The first acceptable type; nil when there is none (406).
    init?(accept: String?, hasProtobuf: Bool) {
        guard let accept, !accept.isEmpty else { return }
        for choice in accept.split(separator: ",") {
            let parts = choice.split(separator: ";").map { $0.trimmed }
            guard let type = parts.first else { continue }
            var shape = Shape.whole
            var isUsable = true
            for parameter in parts.dropFirst() where parameter.hasPrefix("as=") {
                switch parameter.dropFirst(3) {
                case "Table": shape = .table
                case "PartialObjectMetadata", "PartialObjectMetadataList": shape = .metadataOnly
                default: isUsable = false
                }
            }
            guard isUsable else { continue }
            switch type {
            case "application/json", "*/*", "application/*":
                self.shape = shape
                return
            case "application/vnd.kubernetes.protobuf" where hasProtobuf && shape != .table:
                encoding = .protobuf
                self.shape = shape
                return
            default: continue
            }
        }
        return nil
    }

    var contentType: String { encoding == .json ? Self.jsonType : Self.protobufType }
    var watchContentType: String { encoding == .json ? Self.jsonType : Self.protobufType + ";stream=watch" }

    /// One whole object (with kind and apiVersion) as a body.
    func body(of object: JSONValue) throws -> [UInt8] {
        encoding == .json ? object.bytes + [0x0A] : try ObjectEncoding.encode(object)
    }

    /// An object in the wanted shape.
    func shaped(_ object: StoredObject, _ kind: ResourceKind) -> JSONValue {
        switch shape {
        case .whole: object.typed(kind)
        case .metadataOnly:
            [
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": object.value(kind)["metadata"],
            ]
        case .table: Table.of([object], kind, version: object.version)
        }
    }

    /// One watch event as it goes over the wire.
    func event(_ type: String, _ object: StoredObject, _ kind: ResourceKind) throws -> [UInt8] {
        if encoding == .protobuf, shape == .whole {
            let envelope = ObjectEncoding.envelope(
                try object.protobuf(kind), apiVersion: kind.apiVersion, kind: kind.kind)
            return ObjectEncoding.watchFrame(type: type, object: envelope)
        }
        return try event(type, shaped(object, kind))
    }

    func event(_ type: String, _ object: JSONValue) throws -> [UInt8] {
        switch encoding {
        case .protobuf: return ObjectEncoding.watchFrame(type: type, object: try ObjectEncoding.encode(object))
        case .json:
            let event: JSONValue = ["type": .string(type), "object": object]
            return event.bytes + [0x0A]
        }
    }

    /// An object that tells nothing but a version.
    func bookmark(_ kind: ResourceKind, version: UInt64, endsInitialEvents: Bool) throws -> [UInt8] {
        var metadata: JSONValue = ["resourceVersion": .string(String(version))]
        if endsInitialEvents { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
        let object: JSONValue = [
            "kind": .string(shape == .metadataOnly ? "PartialObjectMetadata" : kind.kind),
            "apiVersion": .string(shape == .metadataOnly ? "meta.k8s.io/v1" : kind.apiVersion), "metadata": metadata,
        ]
        return try event("BOOKMARK", object)
    }
}
