import DNSWire

/// A TSIG record (RFC 8945 §4.2); names are folded wire form.
struct TSIGRecord {
    let key: [UInt8]
    let algorithm: [UInt8]
    /// Seconds since 1970.
    var time: UInt64
    /// How many seconds the clocks of both sides may differ.
    let fudge: UInt16
    var code: [UInt8]
    let originalID: UInt16
    var error: UInt16
    var other: [UInt8]

    /// Reads the record that begins at `offset`; nil when it is none.
    init?(_ message: ByteView, at offset: Int) {
        var reader = MessageReader(message, at: offset)
        guard let record = try? reader.next(), record.type == .tsig, record.class == Self.anyClass else { return nil }
        guard let key = Self.name(message, at: record.nameOffset) else { return nil }
        let data = message.slice(record.dataOffset, record.dataLength)
        guard let nameEnd = try? MessageReader.skipName(message, at: record.dataOffset),
            let algorithm = Self.name(message, at: record.dataOffset)
        else { return nil }
        var index = nameEnd - record.dataOffset
        guard data.count >= index + 10 else { return nil }
        time =
            UInt64(data.uint16(at: index)) << 32 | UInt64(data.uint16(at: index + 2)) << 16
            | UInt64(data.uint16(at: index + 4))
        fudge = data.uint16(at: index + 6)
        let codeLength = Int(data.uint16(at: index + 8))
        index += 10
        guard data.count >= index + codeLength + 6 else { return nil }
        code = data.slice(index, codeLength).array
        index += codeLength
        originalID = data.uint16(at: index)
        error = data.uint16(at: index + 2)
        let otherLength = Int(data.uint16(at: index + 4))
        guard data.count == index + 6 + otherLength else { return nil }
        other = data.slice(index + 6, otherLength).array
        self.key = key
        self.algorithm = algorithm
    }

    /// The class ANY (RFC 8945 §4.2).
    private static let anyClass: UInt16 = 255

    private static func name(_ message: ByteView, at offset: Int) -> [UInt8]? {
        let room = ByteBlock(capacity: 256)
        guard let length = try? MessageReader.expandName(message, at: offset, into: room.bytes) else { return nil }
        return room.bytes.view(length).array.map(folded)
    }

    /// The record for the additional section.
    var octets: [UInt8] {
        let data =
            algorithm + Self.octets(time, 6) + Self.octets(fudge, 2) + Self.octets(code.count, 2) + code
            + Self.octets(originalID, 2) + Self.octets(error, 2) + Self.octets(other.count, 2) + other
        return key + Self.octets(RecordType.tsig.rawValue, 2) + Self.octets(Self.anyClass, 2) + [0, 0, 0, 0]
            + Self.octets(data.count, 2) + data
    }

    /// What is signed beside the message (RFC 8945 §4.3.3).
    var variables: [UInt8] {
        key + Self.octets(Self.anyClass, 2) + [0, 0, 0, 0] + algorithm + timers + Self.octets(error, 2)
            + Self.octets(other.count, 2) + other
    }

    /// What of that is signed with all messages of an answer but the first.
    var timers: [UInt8] { Self.octets(time, 6) + Self.octets(fudge, 2) }

    /// A number in network order.
    static func octets(_ value: some BinaryInteger, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ((count - 1 - $0) * 8)) }
    }
}
