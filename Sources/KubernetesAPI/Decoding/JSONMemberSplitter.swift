import Text

/// Cuts one JSON object into the members that are wanted, while the bytes arrive.
///
/// The elements of one array member can be given out singly, so that a list is never held whole.
struct JSONMemberSplitter {
    enum Piece: Equatable {
        case member(String, [UInt8])
        /// An element of the array member `elementsOf`.
        case element([UInt8])
    }

    private enum Place {
        case start, firstKeyOrEnd, keyStart, key, colon, valueStart, value, afterValue
        case firstElementOrEnd, elementStart, element, afterElement
        case end
    }

    /// Names of members to give out whole, with their largest size in octets.
    private let wanted: [String: Int]
    private let elementsOf: String?
    private let elementLimit: Int

    private var place = Place.start
    private var scanner = JSONValueScanner()
    private var held: [UInt8] = []
    private var key = ""
    /// The largest size of what is being read; nil while it is skipped.
    private var limit: Int?

    init(wanted: [String: Int], elementsOf: String? = nil, elementLimit: Int = SizeLimit.item) {
        self.wanted = wanted
        self.elementsOf = elementsOf
        self.elementLimit = elementLimit
    }

    /// - Returns: the pieces that `bytes` completed, in order.
    mutating func feed(_ bytes: some Collection<UInt8>) throws(DecodingFailure) -> [Piece] {
        var pieces: [Piece] = []
        for octet in bytes { try take(octet, &pieces) }
        return pieces
    }

    /// The body has ended.
    func finish() throws(DecodingFailure) {
        guard place == .end else { throw .truncated }
    }

    private mutating func take(_ octet: UInt8, _ pieces: inout [Piece]) throws(DecodingFailure) {
        switch place {
        case .key, .value, .element: break
        default: if isJSONSpace(octet) { return }
        }
        switch place {
        case .start:
            try expect(octet, "{", then: .firstKeyOrEnd)
        case .firstKeyOrEnd, .keyStart:
            if octet == UInt8(ascii: "}"), place == .firstKeyOrEnd {
                place = .end
                return
            }
            try expect(octet, "\"", then: .key)
            scanner = JSONValueScanner()
            _ = try scanner.step(octet)
            held.removeAll(keepingCapacity: true)
        case .key:
            try takeKey(octet)
        case .colon:
            try expect(octet, ":", then: .valueStart)
        case .valueStart:
            if key == elementsOf, octet == UInt8(ascii: "[") {
                place = .firstElementOrEnd
                return
            }
            try begin(octet, in: .value, limit: wanted[key], &pieces)
        case .firstElementOrEnd, .elementStart:
            if octet == UInt8(ascii: "]"), place == .firstElementOrEnd {
                place = .afterValue
                return
            }
            try begin(octet, in: .element, limit: elementLimit, &pieces)
        case .value, .element:
            try takeValue(octet, &pieces)
        case .afterValue:
            if octet == UInt8(ascii: "}") {
                place = .end
                return
            }
            try expect(octet, ",", then: .keyStart)
        case .afterElement:
            if octet == UInt8(ascii: "]") {
                place = .afterValue
                return
            }
            try expect(octet, ",", then: .elementStart)
        case .end:
            throw .malformed("JSON after the object")
        }
    }

    private mutating func expect(_ octet: UInt8, _ expected: Unicode.Scalar, then next: Place) throws(DecodingFailure) {
        guard octet == UInt8(ascii: expected) else { throw .malformed("JSON object") }
        place = next
    }

    private mutating func takeKey(_ octet: UInt8) throws(DecodingFailure) {
        guard try scanner.step(octet) == .inside else {
            // Names that are wanted need no escapes; a name spelled with them is one that is skipped.
            key = String(decoding: held, as: UTF8.self)
            place = .colon
            return
        }
        guard held.count < 1024 else { throw .malformed("JSON key") }
        held.append(octet)
    }

    private mutating func begin(
        _ octet: UInt8, in next: Place, limit: Int?, _ pieces: inout [Piece]
    ) throws(DecodingFailure) {
        place = next
        self.limit = limit
        scanner = JSONValueScanner()
        held.removeAll(keepingCapacity: true)
        try takeValue(octet, &pieces)
    }

    private mutating func takeValue(_ octet: UInt8, _ pieces: inout [Piece]) throws(DecodingFailure) {
        let step = try scanner.step(octet)
        if step != .past, let limit {
            guard held.count < limit else { throw .tooLarge(limit: limit) }
            held.append(octet)
        }
        guard step != .inside else { return }
        let isElement = place == .element
        place = isElement ? .afterElement : .afterValue
        if limit != nil { pieces.append(isElement ? .element(held) : .member(key, held)) }
        // The octet that showed a number's end is the comma or bracket after it.
        if step == .past { try take(octet, &pieces) }
    }
}
