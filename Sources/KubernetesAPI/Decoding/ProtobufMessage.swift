import Text

/// One protobuf message where it lies in a larger run of octets; reading it copies and builds nothing.
///
/// Lists of a large cluster hold millions of fields, of which cluster DNS needs every tenth: generated messages, which
/// make an object of each, take several times as long and leave the heap in pieces.
struct ProtobufMessage {
    private let bytes: [UInt8]
    private let range: Range<Int>

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        range = 0..<bytes.count
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    // MARK: Walking

    /// Calls `body` with each field in order.
    func forEachField(_ body: (ProtobufField) throws(DecodingFailure) -> Void) throws(DecodingFailure) {
        var place = range.lowerBound
        while let field = try nextField(&place) { try body(field) }
    }

    private func nextField(_ place: inout Int) throws(DecodingFailure) -> ProtobufField? {
        do throws(ProtobufFailure) {
            return try Protobuf.nextField(of: bytes, at: &place, before: range.upperBound)
        } catch {
            throw DecodingFailure(error)
        }
    }

    /// Calls `body` with each message of a field.
    func forEachMessage(
        _ tag: Int, _ body: (ProtobufMessage) throws(DecodingFailure) -> Void
    ) throws(DecodingFailure) {
        try forEachField { field throws(DecodingFailure) in
            if field.tag == tag, let payload = field.payload { try body(message(payload)) }
        }
    }

    // MARK: What a field holds

    func message(_ range: Range<Int>) -> ProtobufMessage { ProtobufMessage(bytes, range) }

    func octets(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[range] }

    func text(_ range: Range<Int>) throws(DecodingFailure) -> String {
        let octets = bytes[range]
        // Names and addresses are ASCII; for the rest it is checked that they are text at all.
        if octets.allSatisfy({ $0 < 0x80 }) { return String(decoding: octets, as: UTF8.self) }
        guard let text = String(validating: octets, as: UTF8.self) else { throw .malformed("UTF-8") }
        return text
    }

    func equals(_ range: Range<Int>, _ text: String) -> Bool { text.utf8.elementsEqual(bytes[range]) }

    /// The map that is field `tag`.
    func map(_ tag: Int) throws(DecodingFailure) -> [String: String] {
        var map: [String: String] = [:]
        try forEachMessage(tag) { entry throws(DecodingFailure) in
            var (key, value) = ("", "")
            try entry.forEachField { field throws(DecodingFailure) in
                guard let payload = field.payload else { return }
                if field.tag == 1 { key = try entry.text(payload) }
                if field.tag == 2 { value = try entry.text(payload) }
            }
            map[key] = value
        }
        return map
    }

    /// The value of `key` in the map that is field `tag`; nil when absent.
    func mapValue(_ tag: Int, _ key: String) throws(DecodingFailure) -> String? {
        var found: String?
        try forEachMessage(tag) { entry throws(DecodingFailure) in
            var isWanted = false
            var value = ""
            try entry.forEachField { field throws(DecodingFailure) in
                guard let payload = field.payload else { return }
                if field.tag == 1 { isWanted = entry.equals(payload, key) }
                // The server writes the key first: other values need not be read.
                if field.tag == 2, isWanted { value = try entry.text(payload) }
            }
            if isWanted { found = value }
        }
        return found
    }
}

extension ProtobufMessage {
    /// The object inside the envelope that objects carry when they come alone: the magic and `runtime.Unknown`.
    init(enveloped bytes: [UInt8]) throws(DecodingFailure) {
        guard bytes.starts(with: ProtobufListSplitter.magic) else { throw .wrongMagic }
        let envelope = ProtobufMessage(bytes, ProtobufListSplitter.magic.count..<bytes.count)
        var object = bytes.count..<bytes.count
        try envelope.forEachField { field throws(DecodingFailure) in
            guard let payload = field.payload else { return }
            if field.tag == 2 { object = payload }
            if field.tag == 3, !payload.isEmpty { throw .malformed("envelope: compressed object") }
        }
        self.init(bytes, object)
    }
}
