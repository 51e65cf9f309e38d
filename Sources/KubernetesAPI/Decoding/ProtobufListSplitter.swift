/// One part of a list response, still encoded.
enum ListPiece: Equatable {
    /// A meta/v1 ListMeta.
    case metadata([UInt8])
    /// One object, without an envelope of its own.
    case item([UInt8])
}

/// Cuts a protobuf list into its items while the bytes arrive, so that no more than one item is held.
///
/// Layout: magic, `runtime.Unknown` whose field 2 is the list (field 1 ListMeta, field 2 each item).
struct ProtobufListSplitter {
    static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

    private enum Place { case magic, envelope, list }

    /// A field whose header has arrived completely.
    private struct Field {
        var number: UInt64
        var isDelimited: Bool
        /// Octets before the payload; for a varint all of the field.
        var headerLength: Int
        var payloadLength: Int
    }

    private var queue = ByteQueue()
    private var place = Place.magic
    private var listRemaining = 0
    private var toSkip = 0
    private var sawList = false

    /// - Returns: the pieces that `bytes` completed, in order.
    mutating func feed(_ bytes: some Collection<UInt8>) throws(DecodingFailure) -> [ListPiece] {
        queue.append(bytes)
        var pieces: [ListPiece] = []
        while try advance(&pieces) {}
        return pieces
    }

    /// The body has ended.
    func finish() throws(DecodingFailure) {
        guard place == .envelope, sawList, toSkip == 0, queue.count == 0 else { throw .truncated }
    }

    /// Consumes one field or one step of skipping; false when more octets are needed.
    private mutating func advance(_ pieces: inout [ListPiece]) throws(DecodingFailure) -> Bool {
        if toSkip > 0 {
            toSkip -= queue.drop(toSkip)
            guard toSkip == 0 else { return false }
        }
        switch place {
        case .magic:
            // Refused at the first wrong octet: an HTML page may be shorter than the magic.
            for (index, expected) in Self.magic.enumerated() {
                guard let octet = queue.peek(index) else { return false }
                guard octet == expected else { throw .wrongMagic }
            }
            queue.drop(Self.magic.count)
            place = .envelope
            return true
        case .envelope:
            return try advanceEnvelope()
        case .list:
            guard listRemaining > 0 else {
                place = .envelope
                return true
            }
            return try advanceList(&pieces)
        }
    }

    private mutating func advanceEnvelope() throws(DecodingFailure) -> Bool {
        guard let field = try nextField() else { return false }
        switch (field.number, field.isDelimited) {
        case (2, true):
            guard !sawList else { throw .malformed("envelope with two objects") }
            queue.drop(field.headerLength)
            listRemaining = field.payloadLength
            sawList = true
            place = .list
        case (3, true) where field.payloadLength > 0:
            throw .malformed("envelope: compressed object")
        case (4, true):
            guard field.payloadLength <= 256 else { throw .malformed("envelope content type") }
            guard queue.count >= field.headerLength + field.payloadLength else { return false }
            queue.drop(field.headerLength)
            let type = queue.take(field.payloadLength) ?? []
            guard type.isEmpty || type.elementsEqual("application/vnd.kubernetes.protobuf".utf8) else {
                throw .malformed("envelope content type")
            }
        default:
            queue.drop(field.headerLength)
            toSkip = field.payloadLength
        }
        return true
    }

    private mutating func advanceList(_ pieces: inout [ListPiece]) throws(DecodingFailure) -> Bool {
        guard let field = try nextField() else {
            // A header is at most 20 octets: one that does not fit in what is left of the list never completes.
            guard queue.count < listRemaining else { throw .malformed("list field") }
            return false
        }
        let total = field.headerLength + field.payloadLength
        guard total <= listRemaining else { throw .malformed("list field length") }
        guard field.isDelimited, field.number == 1 || field.number == 2 else {
            queue.drop(field.headerLength)
            toSkip = field.payloadLength
            listRemaining -= total
            return true
        }
        let limit = field.number == 1 ? SizeLimit.listMetadata : SizeLimit.item
        guard field.payloadLength <= limit else { throw .tooLarge(limit: limit) }
        guard queue.count >= total else { return false }
        queue.drop(field.headerLength)
        let payload = queue.take(field.payloadLength) ?? []
        pieces.append(field.number == 1 ? .metadata(payload) : .item(payload))
        listRemaining -= total
        return true
    }

    private func nextField() throws(DecodingFailure) -> Field? {
        guard let tag = try queue.varint(at: 0) else { return nil }
        let number = tag.value >> 3
        guard number > 0, number < 1 << 29 else { throw .malformed("field number") }
        func field(_ headerLength: Int, payload: Int, delimited: Bool = false) -> Field {
            Field(number: number, isDelimited: delimited, headerLength: headerLength, payloadLength: payload)
        }
        switch tag.value & 7 {
        case 0:
            guard let value = try queue.varint(at: tag.length) else { return nil }
            return field(tag.length + value.length, payload: 0)
        case 1: return field(tag.length, payload: 8)
        case 5: return field(tag.length, payload: 4)
        case 2:
            guard let length = try queue.varint(at: tag.length) else { return nil }
            guard length.value <= UInt64(Int32.max) else { throw .malformed("field length") }
            return field(tag.length + length.length, payload: Int(length.value), delimited: true)
        default: throw .malformed("wire type")
        }
    }
}
