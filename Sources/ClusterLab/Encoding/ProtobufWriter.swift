import Foundation
import Text

/// A field whose JSON value is not what its message holds.
package struct FieldMismatch: Error, Sendable, CustomStringConvertible {
    package let path: String
    package let found: String
    package let expected: String
    package var description: String { "\(path): found \(found), expected \(expected)" }
}

/// Writes JSON objects as the protobuf messages of the table; members the table does not know are dropped.
struct ProtobufWriter {
    private(set) var out: [UInt8] = []

    init(reserving capacity: Int = 512) { out.reserveCapacity(capacity) }

    mutating func write(_ value: JSONValue, as schema: MessageSchema) throws(FieldMismatch) {
        guard case .object = value else {
            if value.isNull { return try fields(.object([]), schema) }
            throw FieldMismatch(path: "", found: value.description, expected: "an object")
        }
        try fields(value, schema)
    }

    private mutating func fields(_ object: JSONValue, _ schema: MessageSchema) throws(FieldMismatch) {
        let members = object.members
        for field in schema.wireOrder {
            if case .inline(let place) = field.type {
                try nested(field.number) { writer throws(FieldMismatch) in
                    try writer.fields(object, Schemas.all[place])
                }
                continue
            }
            let value = members.first { $0.name == field.name }?.value ?? .null
            if value.isNull, field.isOptional { continue }
            do {
                try write(value, field.number, field.type)
            } catch {
                throw FieldMismatch(
                    path: error.path.isEmpty || error.path.hasPrefix("[")
                        ? field.name + error.path : "\(field.name).\(error.path)",
                    found: error.found, expected: error.expected)
            }
        }
    }

    private func mismatch(_ value: JSONValue, _ expected: String) -> FieldMismatch {
        FieldMismatch(path: "", found: value.description, expected: expected)
    }

    private mutating func write(_ value: JSONValue, _ number: Int, _ type: FieldType) throws(FieldMismatch) {
        switch type {
        case .string:
            guard value.isNull || value.text != nil else { throw mismatch(value, "text") }
            write(text: value.text ?? "", number)
        case .bool:
            guard value.isNull || value.flag != nil else { throw mismatch(value, "true or false") }
            write(integer: value.flag == true ? 1 : 0, number)
        case .integer:
            guard value.isNull || value.number != nil else { throw mismatch(value, "a whole number") }
            write(integer: value.number ?? 0, number)
        case .bytes:
            guard let bytes = Data(base64Encoded: value.text ?? "") else { throw mismatch(value, "base64 text") }
            write(bytes: Array(bytes), number)
        case .time: try write(time: value, number)
        case .quantity:
            guard let text = value.text ?? value.number.map(String.init) else { throw mismatch(value, "a quantity") }
            nested(number) { $0.write(text: text, 1) }
        case .integerOrString:
            guard value.isNull || value.text != nil || value.number != nil else {
                throw mismatch(value, "a number or text")
            }
            nested(number) { writer in
                writer.write(integer: value.text == nil ? 0 : 1, 1)
                writer.write(integer: value.number ?? 0, 2)
                writer.write(text: value.text ?? "", 3)
            }
        case .rawJSON: nested(number) { $0.write(bytes: value.bytes, 1) }
        case .message(let place), .inline(let place):
            try nested(number) { writer throws(FieldMismatch) in try writer.write(value, as: Schemas.all[place]) }
        case .list(let element):
            guard value.isNull || value.isArray else { throw mismatch(value, "a list") }
            for (position, item) in value.elements.enumerated() {
                do {
                    try write(item, number, element)
                } catch {
                    throw FieldMismatch(
                        path: "[\(position)]" + (error.path.isEmpty ? "" : ".\(error.path)"),
                        found: error.found, expected: error.expected)
                }
            }
        case .map(let element): try write(map: value, number, element)
        }
    }

    private mutating func write(time value: JSONValue, _ number: Int) throws(FieldMismatch) {
        if value.isNull { return write(bytes: [], number) }
        guard let text = value.text, let time = Timestamp(text) else { throw mismatch(value, "an RFC 3339 time") }
        nested(number) { writer in
            writer.write(integer: time.seconds, 1)
            writer.write(integer: Int64(time.nanoseconds), 2)
        }
    }

    private mutating func write(map value: JSONValue, _ number: Int, _ element: FieldType) throws(FieldMismatch) {
        guard value.isNull || value.isObject else { throw mismatch(value, "an object") }
        // Sorted by key, as Go marshals maps deterministically.
        for member in value.members.sorted(by: { $0.name < $1.name }) {
            do {
                try nested(number) { writer throws(FieldMismatch) in
                    writer.write(text: member.name, 1)
                    try writer.write(member.value, 2, element)
                }
            } catch {
                throw FieldMismatch(path: "[\(member.name)]", found: error.found, expected: error.expected)
            }
        }
    }

    mutating func append(_ byte: UInt8) { out.append(byte) }

    mutating func write(text: String, _ number: Int) { Protobuf.append(number, text.utf8, to: &out) }
    mutating func write(bytes: [UInt8], _ number: Int) { Protobuf.append(number, bytes, to: &out) }

    mutating func write(integer: Int64, _ number: Int) {
        Protobuf.append(number, number: UInt64(bitPattern: integer), to: &out)
    }

    /// Writes a length-delimited field whose length is known only afterwards.
    mutating func nested<Failure: Error>(
        _ number: Int, _ body: (inout ProtobufWriter) throws(Failure) -> Void
    ) throws(Failure) {
        // One byte is room for most lengths; a longer one moves the body.
        Protobuf.append(number, [UInt8](), to: &out)
        let start = out.count
        try body(&self)
        let length = out.count - start
        guard length >= 0x80 else { return out[start - 1] = UInt8(length) }
        var encoded: [UInt8] = []
        Protobuf.append(varint: UInt64(length), to: &encoded)
        out.replaceSubrange(start - 1..<start, with: encoded)
    }
}
