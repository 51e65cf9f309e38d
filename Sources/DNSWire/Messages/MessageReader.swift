/// One resource record's place in a message.
package struct RecordPlace: BitwiseCopyable {
    package var nameOffset: Int
    package var type: RecordType
    package var `class`: UInt16
    package var ttl: UInt32
    package var dataOffset: Int
    package var dataLength: Int

    /// Where the TTL's four octets stand.
    package var ttlOffset: Int { dataOffset - 6 }
    /// Offset of what follows the record.
    package var end: Int { dataOffset + dataLength }
}

/// Walks the records of a message without copying; every step can fail.
package struct MessageReader {
    package let message: ByteView
    package private(set) var offset: Int

    package init(_ message: ByteView, at offset: Int) {
        self.message = message
        self.offset = offset
    }

    /// Steps over one record.
    package mutating func next() throws(WireError) -> RecordPlace {
        let nameOffset = offset
        let fixed = try Self.skipName(message, at: offset)
        guard fixed + 10 <= message.count else { throw .truncated }
        let length = Int(message.uint16(at: fixed + 8))
        guard length <= message.count - fixed - 10 else { throw .truncated }
        offset = fixed + 10 + length
        return RecordPlace(
            nameOffset: nameOffset, type: RecordType(rawValue: message.uint16(at: fixed)),
            class: message.uint16(at: fixed + 2), ttl: message.uint32(at: fixed + 4), dataOffset: fixed + 10,
            dataLength: length)
    }

    /// The offset behind the name that starts at `start`.
    package static func skipName(_ message: ByteView, at start: Int) throws(WireError) -> Int {
        var index = start
        while let length = message.at(index) {
            switch length {
            case 0: return index + 1
            case 1..<64: index += Int(length) + 1
            case 0xC0...:
                guard index + 2 <= message.count else { throw .truncated }
                return index + 2
            default: throw .badLabel
            }
            guard index - start <= 255 else { throw .nameTooLong }
        }
        throw .truncated
    }

    /// The offset behind a name that is written out; nil for one with a pointer, or that is none.
    package static func skipPlainName(_ octets: ByteView, at start: Int) -> Int? {
        var index = start
        while let length = octets.at(index), length < 64, index - start < 255 {
            if length == 0 { return index + 1 }
            index += Int(length) + 1
        }
        return nil
    }

    /// Copies the name that starts at `start` into `output`, pointers followed; gives its length in octets.
    ///
    /// Pointers must lead backwards, so that no message makes this walk longer than 255 octets and 127 steps.
    package static func expandName(
        _ message: ByteView, at start: Int, into output: OutputBytes
    ) throws(WireError) -> Int {
        var index = start
        var written = 0
        var lowest = start
        while let length = message.at(index) {
            if length >= 0xC0 {
                guard index + 2 <= message.count else { throw .truncated }
                let target = Int(message.uint16(at: index) & 0x3FFF)
                guard target < lowest, target >= 12 else { throw .badPointer }
                lowest = target
                index = target
                continue
            }
            guard length < 64 else { throw .badLabel }
            let size = Int(length) + 1
            guard written + size <= 255, written + size <= output.capacity else { throw .nameTooLong }
            guard size <= message.count - index else { throw .truncated }
            output.copy(message.slice(index, size), to: written)
            written += size
            if length == 0 { return written }
            index += size
        }
        throw .truncated
    }
}
