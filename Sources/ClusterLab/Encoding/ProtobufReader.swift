import Foundation
import Text

/// Why bytes are not a protobuf message.
package enum ProtobufError: Error, Sendable {
    case truncated
    case badVarint
    case badWireType(Int)
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

    var isAtEnd: Bool { position >= end }

    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            guard shift < 64 else { throw .badVarint }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .truncated
    }

    mutating func key() throws(ProtobufError) -> (number: Int, wireType: Int) {
        let key = try varint()
        return (Int(truncatingIfNeeded: key >> 3) & 0x1FFF_FFFF, Int(key & 7))
    }

    mutating func range() throws(ProtobufError) -> Range<Int> {
        let length = try varint()
        guard length <= UInt64(end - position) else { throw .truncated }
        let start = position
        position += Int(length)
        return start..<position
    }

    mutating func skip(_ wireType: Int) throws(ProtobufError) {
        switch wireType {
        case 0: _ = try varint()
        case 1: try advance(8)
        case 2: _ = try range()
        case 5: try advance(4)
        default: throw .badWireType(wireType)
        }
    }

    private mutating func advance(_ count: Int) throws(ProtobufError) {
        guard end - position >= count else { throw .truncated }
        position += count
    }

    func slice(_ range: Range<Int>) -> [UInt8] { Array(bytes[range]) }
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// The rest of the bytes as one message.
    mutating func message(_ schema: MessageSchema) throws(ProtobufError) -> JSONValue {
        var values = [JSONValue?](repeating: nil, count: schema.fields.count)
        while !isAtEnd {
            let (number, wireType) = try key()
            guard let place = schema.position(of: number) else {
                try skip(wireType)
                continue
            }
            try read(schema.fields[place].type, wireType, into: &values[place])
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

    private mutating func read(
        _ type: FieldType, _ wireType: Int, into value: inout JSONValue?
    ) throws(ProtobufError) {
        switch type {
        case .list(let element):
            var items = value?.elements ?? []
            value = nil
            if case .integer = element, wireType == 2 {
                // Packed numbers, which Kubernetes never sends but protobuf allows.
                var packed = ProtobufReader(bytes, try range())
                while !packed.isAtEnd { items.append(.int(Int64(bitPattern: try packed.varint()))) }
            } else {
                var item: JSONValue?
                try read(element, wireType, into: &item)
                if let item { items.append(item) }
            }
            value = .array(items)
        case .map(let element):
            guard wireType == 2 else { return try skip(wireType) }
            var members = value?.members ?? []
            value = nil
            members.append(try mapEntry(ProtobufReader(bytes, try range()), element))
            value = .object(members)
        case .bool, .integer:
            guard wireType == 0 else { return try skip(wireType) }
            let number = try varint()
            if case .bool = type { value = .bool(number != 0) } else { value = .int(Int64(bitPattern: number)) }
        default:
            guard wireType == 2 else { return try skip(wireType) }
            value = try delimited(type, try range())
        }
    }

    private func mapEntry(_ entry: ProtobufReader, _ element: FieldType) throws(ProtobufError) -> JSONValue.Member {
        var entry = entry
        var name = ""
        var value: JSONValue?
        while !entry.isAtEnd {
            let (number, wireType) = try entry.key()
            if number == 1, wireType == 2 {
                name = text(try entry.range())
            } else if number == 2 {
                try entry.read(element, wireType, into: &value)
            } else {
                try entry.skip(wireType)
            }
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
            while !inner.isAtEnd {
                let (number, wireType) = try inner.key()
                if wireType == 0 {
                    numbers[number] = Int64(bitPattern: try inner.varint())
                } else {
                    try inner.skip(wireType)
                }
            }
            let nanoseconds = Int32(clamping: min(max(numbers[2] ?? 0, 0), 999_999_999))
            return .string(Timestamp(seconds: numbers[1] ?? 0, nanoseconds: nanoseconds).text(fractionDigits: digits))
        case .integerOrString:
            var kind: Int64 = 0
            var number: Int64 = 0
            var word = ""
            while !inner.isAtEnd {
                let (field, wireType) = try inner.key()
                switch (field, wireType) {
                case (1, 0): kind = Int64(bitPattern: try inner.varint())
                case (2, 0): number = Int64(bitPattern: try inner.varint())
                case (3, 2): word = text(try inner.range())
                default: try inner.skip(wireType)
                }
            }
            return kind == 1 ? .string(word) : .int(number)
        case .bool, .integer, .list, .map: return nil
        }
    }

    /// The last length-delimited field of that number.
    mutating func find(_ wanted: Int) throws(ProtobufError) -> Range<Int>? {
        var found: Range<Int>?
        while !isAtEnd {
            let (number, wireType) = try key()
            if number == wanted, wireType == 2 { found = try range() } else { try skip(wireType) }
        }
        return found
    }
}
