import Foundation
package import Text

/// Why bytes are not a protobuf message.
package enum ProtobufError: Error, Sendable {
    case malformed(ProtobufFailure)
    case badMagic
    case unknownMessage(String)
}

/// Reads protobuf messages of the table as JSON objects; fields the table does not know are skipped.
struct ProtobufReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The message that a field holds.
    func inner(_ range: Range<Int>) -> ProtobufReader { ProtobufReader(bytes, range) }

    /// The next field; nil at the end.
    mutating func next() throws(ProtobufError) -> ProtobufField? {
        do throws(ProtobufFailure) {
            return try Protobuf.nextField(of: bytes, at: &position, before: end)
        } catch {
            throw .malformed(error)
        }
    }

    /// The numbers of a packed field, which Kubernetes never sends but protobuf allows.
    private func packed(_ range: Range<Int>) throws(ProtobufError) -> [JSONValue] {
        var numbers: [JSONValue] = []
        var place = range.lowerBound
        do throws(ProtobufFailure) {
            while place < range.upperBound {
                let number = try Protobuf.number(of: bytes, at: &place, before: range.upperBound)
                numbers.append(.int(Int64(bitPattern: number)))
            }
        } catch {
            throw .malformed(error)
        }
        return numbers
    }

    func slice(_ range: Range<Int>) -> [UInt8] { Array(bytes[range]) }
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// The rest of the bytes as one message.
    mutating func message(_ schema: MessageSchema) throws(ProtobufError) -> JSONValue {
        var values = [JSONValue?](repeating: nil, count: schema.fields.count)
        while let field = try next() {
            guard let place = schema.position(of: field.tag) else { continue }
            try read(schema.fields[place].type, field, into: &values[place])
        }
        var members: [JSONValue.Member] = []
        members.reserveCapacity(values.count)
        for (place, field) in schema.fields.enumerated() {
            if case .inline = field.type {
                members.append(contentsOf: values[place]?.members ?? [])
            } else if let value = Self.jsonForm(values[place], of: field) {
                members.append(.init(field.name, value))
            }
        }
        return .object(members)
    }

    /// What JSON shows for a field, following Go's `omitempty`.
    private static func jsonForm(_ value: JSONValue?, of field: FieldSchema) -> JSONValue? {
        if field.isOptional { return value }
        switch value {
        case nil:
            guard field.isAlwaysInJSON else { return nil }
            return zero(of: field.type)
        case .string(""), .int(0), .bool(false), .array([]), .null, .object([]):
            return field.isAlwaysInJSON ? value : nil
        default: return value
        }
    }

    private static func zero(of type: FieldType) -> JSONValue {
        switch type {
        case .string, .bytes, .quantity: .string("")
        case .bool: .bool(false)
        case .integer, .integerOrString: .int(0)
        case .message, .inline: .object([])
        case .time, .rawJSON, .list, .map: .null
        }
    }

    private func read(_ type: FieldType, _ field: ProtobufField, into value: inout JSONValue?) throws(ProtobufError) {
        switch (type, field.payload) {
        case (.list(let element), let payload):
            var items = value?.elements ?? []
            value = nil
            if case .integer = element, let payload {
                items += try packed(payload)
            } else {
                var item: JSONValue?
                try read(element, field, into: &item)
                if let item { items.append(item) }
            }
            value = .array(items)
        case (.map(let element), let payload?):
            var members = value?.members ?? []
            value = nil
            members.append(try mapEntry(inner(payload), element))
            value = .object(members)
        case (.bool, nil): value = .bool(field.number != 0)
        case (.integer, nil): value = .int(Int64(bitPattern: field.number))
        case (.bool, _), (.integer, _), (_, nil): break
        case (_, let payload?): value = try delimited(type, payload)
        }
    }

    private func mapEntry(_ entry: ProtobufReader, _ element: FieldType) throws(ProtobufError) -> JSONValue.Member {
        var entry = entry
        var name = ""
        var value: JSONValue?
        while let field = try entry.next() {
            if field.tag == 1, let payload = field.payload { name = text(payload) }
            if field.tag == 2 { try read(element, field, into: &value) }
        }
        return .init(name, value ?? Self.zero(of: element))
    }

    private func delimited(_ type: FieldType, _ range: Range<Int>) throws(ProtobufError) -> JSONValue? {
        var inner = ProtobufReader(bytes, range)
        switch type {
        case .string: return .string(text(range))
        case .bytes: return .string(Data(bytes[range]).base64EncodedString())
        case .message(let place), .inline(let place): return try inner.message(Schemas.all[place])
        case .quantity: return .string(text(try inner.find(1) ?? range.lowerBound..<range.lowerBound))
        case .rawJSON:
            guard let raw = try inner.find(1) else { return nil }
            return try? JSONReader.read(Array(bytes[raw]))
        case .time(let digits):
            if range.isEmpty { return .null }
            var numbers: [Int: Int64] = [:]
            while let field = try inner.next() {
                if field.payload == nil { numbers[field.tag] = Int64(bitPattern: field.number) }
            }
            let nanoseconds = Int32(clamping: min(max(numbers[2] ?? 0, 0), 999_999_999))
            return .string(Timestamp(seconds: numbers[1] ?? 0, nanoseconds: nanoseconds).text(fractionDigits: digits))
        case .integerOrString:
            var kind: Int64 = 0
            var number: Int64 = 0
            var word = ""
            while let field = try inner.next() {
                switch (field.tag, field.payload) {
                case (1, nil): kind = Int64(bitPattern: field.number)
                case (2, nil): number = Int64(bitPattern: field.number)
                case (3, let payload?): word = text(payload)
                default: break
                }
            }
            return kind == 1 ? .string(word) : .int(number)
        case .bool, .integer, .list, .map: return nil
        }
    }

    /// The last length-delimited field of that number.
    mutating func find(_ wanted: Int) throws(ProtobufError) -> Range<Int>? {
        var found: Range<Int>?
        while let field = try next() {
            if field.tag == wanted, let payload = field.payload { found = payload }
        }
        return found
    }
}
