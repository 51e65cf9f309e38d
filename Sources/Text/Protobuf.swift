/// Why octets are not a protobuf message: the part that is wrong.
package enum ProtobufFailure: String, Error, Sendable {
    case varint
    case fieldNumber = "field number"
    case fieldLength = "field length"
    case wireType = "wire type"
}

/// One field of a message. What it holds is `payload` when that is not nil, else `number`.
package struct ProtobufField {
    package let tag: Int
    /// Where the octets of a string or message lie; nil for numbers.
    package let payload: Range<Int>?
    /// The value of a varint.
    package let number: UInt64

    @inlinable package init(tag: Int, payload: Range<Int>?, number: UInt64) {
        self.tag = tag
        self.payload = payload
        self.number = number
    }
}

/// The encoding of Protocol Buffers: a message is a run of fields, each a number and what it holds.
package enum Protobuf {
    /// The next field that begins at `place`; nil at the end. Numbers of fixed size, which no message read here has,
    /// are passed over.
    @inlinable package static func nextField(
        of octets: [UInt8], at place: inout Int, before end: Int
    ) throws(ProtobufFailure) -> ProtobufField? {
        while place < end {
            let key = try number(of: octets, at: &place, before: end)
            let tag = key >> 3
            guard tag > 0, tag < 1 << 29 else { throw .fieldNumber }
            switch key & 7 {
            case 0:
                return ProtobufField(
                    tag: Int(tag), payload: nil, number: try number(of: octets, at: &place, before: end))
            case 1: _ = try skip(8, &place, end)
            case 2:
                let length = try number(of: octets, at: &place, before: end)
                return ProtobufField(tag: Int(tag), payload: try skip(length, &place, end), number: 0)
            case 5: _ = try skip(4, &place, end)
            default: throw .wireType
            }
        }
        return nil
    }

    @inlinable static func skip(_ count: UInt64, _ place: inout Int, _ end: Int) throws(ProtobufFailure) -> Range<Int> {
        guard count <= UInt64(end - place) else { throw .fieldLength }
        let start = place
        place += Int(count)
        return start..<place
    }

    /// A number of up to 64 bits, seven in each octet, least significant first.
    @inlinable package static func number(
        of octets: [UInt8], at place: inout Int, before end: Int
    ) throws(ProtobufFailure) -> UInt64 {
        guard let value = try varint(of: octets, at: &place, before: end) else { throw .varint }
        return value
    }

    /// As `number`; nil when more octets must come.
    @inlinable package static func varint(
        of octets: [UInt8], at place: inout Int, before end: Int
    ) throws(ProtobufFailure) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while place < end {
            let octet = octets[place]
            place += 1
            value |= UInt64(octet & 0x7F) << shift
            // The tenth octet has one bit left.
            guard shift < 63 || octet <= 1 else { throw .varint }
            if octet & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }

    // MARK: Writing

    @inlinable package static func append(varint value: UInt64, to out: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }

    /// A field that holds octets: a string, bytes or a message.
    @inlinable package static func append(_ tag: Int, _ octets: some Collection<UInt8>, to out: inout [UInt8]) {
        append(varint: UInt64(tag) << 3 | 2, to: &out)
        append(varint: UInt64(octets.count), to: &out)
        out.append(contentsOf: octets)
    }

    @inlinable package static func append(_ tag: Int, number: UInt64, to out: inout [UInt8]) {
        append(varint: UInt64(tag) << 3, to: &out)
        append(varint: number, to: &out)
    }
}
