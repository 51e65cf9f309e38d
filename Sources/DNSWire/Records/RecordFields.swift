import Text

/// Reads the words of a record's text one after the other, as fields of the kind that is expected there.
struct RecordFields {
    private let words: [RecordWord]
    private var position = 0

    init(_ words: [RecordWord]) { self.words = words }

    var next: RecordWord? { position < words.count ? words[position] : nil }

    mutating func skip() { position += 1 }

    /// - Parameter expected: what the next word should have been.
    func error(expected: String) -> RecordTextError {
        RecordTextError(word: position + 1, found: next.map(Self.shown) ?? "nothing", expected: expected)
    }

    /// A word as errors show it: what is not printed elsewhere is not printed here, and not all of a long one.
    private static func shown(_ word: RecordWord) -> String {
        let text = String(
            decoding: word.octets.prefix(80).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
        return (word.isQuoted ? "\"\(text)\"" : text) + (word.octets.count > 80 ? "…" : "")
    }

    func finish() throws(RecordTextError) {
        if next != nil { throw error(expected: "nothing more") }
    }

    // MARK: Kinds of fields

    /// Reads the next word by `read`; nil from it is an error.
    private mutating func field<Value>(
        _ expected: String, _ read: (RecordWord) -> Value?
    ) throws(RecordTextError) -> Value {
        guard let word = next, let value = read(word) else { throw error(expected: expected) }
        position += 1
        return value
    }

    mutating func name(_ expected: String = "a domain name") throws(RecordTextError) -> [UInt8] {
        try field(expected) { word in
            word.isQuoted || word.text == "@" ? nil : Name.wireKeepingCase(word.text)
        }
    }

    mutating func type() throws(RecordTextError) -> RecordType {
        try field("a record type") { word in
            guard let type = RecordType(word.text), !type.isQuestionOnly else { return nil }
            return type
        }
    }

    private mutating func number(_ meaning: String, octets: Int) throws(RecordTextError) -> [UInt8] {
        let most = UInt64.max >> UInt64(64 - 8 * octets)
        return try field("\(meaning) from 0 to \(most)") { word in
            UInt64(word.text).flatMap { value in
                value > most ? nil : (0..<octets).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
            }
        }
    }

    private mutating func time(_ meaning: String) throws(RecordTextError) -> [UInt8] {
        try field("\(meaning) in seconds, or with units as in 1h30m") { word in
            Self.seconds(word.octets).map { value in
                (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }
            }
        }
    }

    /// Seconds up to 2³¹ - 1 (RFC 2181 §8), as a number or with units as in `1w2d3h4m5s`.
    static func seconds(_ octets: [UInt8]) -> UInt32? {
        guard let first = octets.first, RecordWord.digit(first) != nil, octets.count <= 20 else { return nil }
        var (total, value, hasValue): (UInt64, UInt64, Bool) = (0, 0, false)
        for octet in octets {
            if let digit = RecordWord.digit(octet) {
                value = value * 10 + UInt64(digit)
                hasValue = true
            } else {
                guard hasValue, let unit = unit(octet) else { return nil }
                total += value * unit
                (value, hasValue) = (0, false)
            }
            guard value <= 0x7FFF_FFFF, total <= 0x7FFF_FFFF else { return nil }
        }
        return total + value <= 0x7FFF_FFFF ? UInt32(total + value) : nil
    }

    private static func unit(_ octet: UInt8) -> UInt64? {
        switch folded(octet) {
        case UInt8(ascii: "s"): 1
        case UInt8(ascii: "m"): 60
        case UInt8(ascii: "h"): 3600
        case UInt8(ascii: "d"): 86_400
        case UInt8(ascii: "w"): 604_800
        default: nil
        }
    }

    private mutating func address(isIPv4: Bool) throws(RecordTextError) -> [UInt8] {
        try field(isIPv4 ? "an IPv4 address" : "an IPv6 address") { word in
            let hasColon = word.octets.contains(UInt8(ascii: ":"))
            guard !word.isQuoted, hasColon != isIPv4, let address = IPAddress(word.text) else { return nil }
            // An IPv4-mapped address is read as the one it maps.
            let isMapped = hasColon && address.isIPv4
            return (isMapped ? Array(repeating: 0, count: 10) + [0xFF, 0xFF] : []) + address.octets
        }
    }

    /// One string of at most 255 octets, its length in front (RFC 1035 §3.3).
    private mutating func characterString(_ meaning: String) throws(RecordTextError) -> [UInt8] {
        try field("\(meaning), a string of at most 255 octets") { word in
            word.unescaped.flatMap { $0.count <= 255 ? [UInt8($0.count)] + $0 : nil }
        }
    }

    // MARK: Data

    mutating func data(of type: RecordType) throws(RecordTextError) -> [UInt8] {
        if let word = next, !word.isQuoted, word.octets == Array("\\#".utf8) {
            skip()
            return try unknownData(of: type)
        }
        guard let layout = RecordField.layout(of: type) else {
            throw error(expected: "\\#, a length and hexadecimal data, the only form known of \(type)")
        }
        var data: [UInt8] = []
        for field in layout { data += try octets(of: field) }
        return data
    }

    private mutating func octets(of field: RecordField) throws(RecordTextError) -> [UInt8] {
        switch field {
        case .address(let isIPv4): try address(isIPv4: isIPv4)
        case .name(let meaning): try name(meaning)
        case .number(let meaning, let octets): try number(meaning, octets: octets)
        case .time(let meaning): try time(meaning)
        case .string(let meaning): try characterString(meaning)
        case .strings: try strings()
        case .tag: try tag()
        case .value: try self.field("a value") { $0.unescaped }
        }
    }

    /// Any number of strings; longer ones are cut into pieces of 255 octets.
    private mutating func strings() throws(RecordTextError) -> [UInt8] {
        var data: [UInt8] = []
        repeat {
            var rest = try field("a string") { $0.unescaped }[...]
            repeat {
                let piece = rest.prefix(255)
                data += [UInt8(piece.count)] + piece
                rest = rest.dropFirst(255)
            } while !rest.isEmpty
        } while next != nil
        guard data.count <= 0xFFFF else { throw error(expected: "at most 65535 octets of data") }
        return data
    }

    private mutating func tag() throws(RecordTextError) -> [UInt8] {
        try field("a tag of 1 to 255 letters and digits") { word in
            let isTag = word.octets.allSatisfy { RecordWord.digit($0) != nil || (0x61...0x7A).contains(folded($0)) }
            return isTag && (1...255).contains(word.octets.count) ? [UInt8(word.octets.count)] + word.octets : nil
        }
    }

    /// RFC 3597 §5: the length, then as many octets in hexadecimal, in words of any size.
    private mutating func unknownData(of type: RecordType) throws(RecordTextError) -> [UInt8] {
        let length = try field("a length from 0 to 65535") { UInt16($0.text) }
        var digits: [UInt8] = []
        while next != nil {
            digits += try field("hexadecimal data") { word -> [UInt8]? in
                let values = word.octets.compactMap(hexValue)
                return values.count == word.octets.count && !word.isQuoted ? values : nil
            }
        }
        guard digits.count == 2 * Int(length) else {
            throw RecordTextError(
                word: position, found: "\(digits.count) hexadecimal digits", expected: "\(2 * Int(length))")
        }
        let data = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        guard RecordField.isWellFormed(data, type) else {
            throw RecordTextError(
                word: position, found: "octets that are no data of \(type)", expected: "what the type lays down")
        }
        return data
    }
}
