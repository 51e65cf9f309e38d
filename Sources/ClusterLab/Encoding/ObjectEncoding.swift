package import Text

/// The protobuf frames around objects: magic and `runtime.Unknown`, lists, watch events.
package enum ObjectEncoding {
    static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

    /// An object's message with the magic and the envelope that names its type.
    static func envelope(_ raw: [UInt8], apiVersion: String, kind: String) -> [UInt8] {
        var writer = ProtobufWriter(reserving: raw.count + 96)
        writer.nested(1) { type in
            type.write(text: apiVersion, 1)
            type.write(text: kind, 2)
        }
        writer.write(bytes: raw, 2)
        writer.write(text: "", 3)
        writer.write(text: "", 4)
        return magic + writer.out
    }

    /// A whole object of a kind in the table, enveloped.
    package static func encode(_ object: JSONValue) throws -> [UInt8] {
        let schema = try schema(apiVersion: object.apiVersion, kind: object.kind)
        var writer = ProtobufWriter()
        try writer.write(object, as: schema)
        return envelope(writer.out, apiVersion: object.apiVersion, kind: object.kind)
    }

    /// The JSON form of an enveloped object or list, as an API server would have sent it.
    package static func decode(_ body: [UInt8]) throws -> JSONValue {
        let (apiVersion, kind, raw) = try unwrap(body)
        var members: [JSONValue.Member] = [.init("kind", .string(kind)), .init("apiVersion", .string(apiVersion))]
        if kind.hasSuffix("List"), let element = try? schema(apiVersion: apiVersion, kind: String(kind.dropLast(4))) {
            members += try list(raw, of: element).members
        } else {
            var reader = ProtobufReader(raw)
            members += try reader.message(schema(apiVersion: apiVersion, kind: kind)).members
        }
        return .object(members)
    }

    static func unwrap(_ body: [UInt8]) throws(ProtobufError) -> (apiVersion: String, kind: String, raw: [UInt8]) {
        guard body.starts(with: magic) else { throw .badMagic }
        var reader = ProtobufReader(Array(body.dropFirst(magic.count)))
        var (apiVersion, kind) = ("", "")
        var raw: [UInt8] = []
        while let field = try reader.next() {
            guard let payload = field.payload else { continue }
            if field.tag == 2 { raw = reader.slice(payload) }
            guard field.tag == 1 else { continue }
            var type = reader.inner(payload)
            while let field = try type.next() {
                guard let payload = field.payload else { continue }
                if field.tag == 1 { apiVersion = type.text(payload) }
                if field.tag == 2 { kind = type.text(payload) }
            }
        }
        return (apiVersion, kind, raw)
    }

    private static func list(_ raw: [UInt8], of element: MessageSchema) throws(ProtobufError) -> JSONValue {
        var reader = ProtobufReader(raw)
        var metadata: JSONValue = .object([])
        var items: [JSONValue] = []
        while let field = try reader.next() {
            guard let payload = field.payload else { continue }
            var inner = reader.inner(payload)
            if field.tag == 2 { items.append(try inner.message(element)) }
            if field.tag == 1, let schema = Schemas.named("ListMeta") { metadata = try inner.message(schema) }
        }
        return .object([.init("metadata", metadata), .init("items", .array(items))])
    }

    static func schema(apiVersion: String, kind: String) throws(ProtobufError) -> MessageSchema {
        // Two groups have an Event; the older one has another message.
        let name = kind == "Event" && apiVersion == "v1" ? "CoreEvent" : kind
        guard let schema = Schemas.named(name) else { throw .unknownMessage(name) }
        return schema
    }

    /// A protobuf watch frame: its length in four bytes, then a bare WatchEvent.
    static func watchFrame(type: String, object: [UInt8]) -> [UInt8] {
        var writer = ProtobufWriter(reserving: object.count + 32)
        writer.write(text: type, 1)
        writer.nested(2) { $0.write(bytes: object, 1) }
        let length = UInt32(truncatingIfNeeded: writer.out.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + writer.out
    }
}
