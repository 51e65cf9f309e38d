/// Why a text is not JSON, and where.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Octets before the place.
    package let offset: Int
    package let expected: String

    package var description: String { "at octet \(offset + 1): expected \(expected)" }
}

/// Reads one JSON document (RFC 8259) strictly: no comments, no trailing commas, nothing after it.
package struct JSONReader {
    /// Members of an object that have the same name.
    package enum Repeated {
        /// The last one counts, in the place of the first.
        case lastCounts
        case allKept
    }

    /// No document can exhaust the stack.
    private static let depthLimit = 128

    private let octets: [UInt8]
    private let repeated: Repeated
    private var index = 0

    package static func read(
        _ octets: [UInt8], repeated: Repeated = .lastCounts
    ) throws(JSONError) -> JSONValue {
        var reader = JSONReader(octets: octets, repeated: repeated)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.peek == nil else { throw reader.failure("the end of the text") }
        return value
    }

    package static func read(_ text: String, repeated: Repeated = .lastCounts) throws(JSONError) -> JSONValue {
        try read(Array(text.utf8), repeated: repeated)
    }

    private init(octets: [UInt8], repeated: Repeated) {
        self.octets = octets
        self.repeated = repeated
    }

    private var peek: UInt8? { index < octets.count ? octets[index] : nil }

    private func failure(_ expected: String) -> JSONError { JSONError(offset: index, expected: expected) }

    private mutating func skipSpace() {
        while let octet = peek, isJSONSpace(octet) { index += 1 }
    }

    private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: wanted) else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < Self.depthLimit else { throw failure("at most \(Self.depthLimit) levels of nesting") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard octets[index...].starts(with: text.utf8) else { throw failure("a value") }
        index += text.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        index += 1
        var members: [JSONValue.Member] = []
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("a member's name in quotes") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw failure("a colon") }
            members.append(.init(name, try value(depth: depth + 1)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw failure("a comma or a closing brace") }
        return .object(repeated == .allKept ? members : Self.lastOnes(members))
    }

    private static func lastOnes(_ members: [JSONValue.Member]) -> [JSONValue.Member] {
        guard members.count > 1 else { return members }
        var places: [String: Int] = [:]
        places.reserveCapacity(members.count)
        var kept: [JSONValue.Member] = []
        kept.reserveCapacity(members.count)
        for member in members {
            if let earlier = places[member.name] {
                kept[earlier].value = member.value
            } else {
                places[member.name] = kept.count
                kept.append(member)
            }
        }
        return kept
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        index += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(elements) }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw failure("a comma or a closing bracket") }
        return .array(elements)
    }

    // MARK: Numbers

    private mutating func digits() -> Int {
        let start = index
        while let octet = peek, (0x30...0x39).contains(octet) { index += 1 }
        return index - start
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        let isNegative = take("-")
        let leading = peek
        let whole = digits()
        guard whole > 0 else { throw failure("a value") }
        guard whole == 1 || leading != UInt8(ascii: "0") else { throw failure("a number without leading zeros") }
        var isWhole = !isNegative || leading != UInt8(ascii: "0")
        if take(".") {
            isWhole = false
            guard digits() > 0 else { throw failure("digits") }
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            guard digits() > 0 else { throw failure("an exponent") }
        }
        let text = String(decoding: octets[start..<index], as: UTF8.self)
        if isWhole, let whole = Int64(text) { return .int(whole) }
        return .real(JSONReal(text: text))
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        while let octet = peek, octet != UInt8(ascii: "\""), octet != UInt8(ascii: "\\"), octet >= 0x20 { index += 1 }
        if take("\"") { return String(decoding: octets[start..<index - 1], as: UTF8.self) }
        var text = Array(octets[start..<index])
        while let octet = peek {
            index += 1
            switch octet {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(&text)
            case 0..<0x20:
                index -= 1
                throw failure("no control character inside a string")
            default: text.append(octet)
            }
        }
        throw failure("a closing quote")
    }

    private mutating func escape(_ text: inout [UInt8]) throws(JSONError) {
        guard let octet = peek else { throw failure("an escape") }
        index += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(octet)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try codeUnit()
            let mark = index
            // A high surrogate and the low one that must follow are one character; alone each is U+FFFD.
            if (0xD800..<0xDC00).contains(code), take("\\"), take("u"),
                case let low = try codeUnit(), (0xDC00..<0xE000).contains(low)
            {
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            } else if code >= 0xD800, code < 0xE000 {
                index = mark
            }
            text.append(contentsOf: String(Character(Unicode.Scalar(code) ?? "\u{FFFD}")).utf8)
        default:
            index -= 1
            throw failure("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
        }
    }

    private mutating func codeUnit() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek.flatMap(hexValue) else { throw failure("four hexadecimal digits") }
            code = code << 4 | UInt32(digit)
            index += 1
        }
        return code
    }
}

/// Space between the parts of a document (RFC 8259 §2).
@inlinable package func isJSONSpace(_ octet: UInt8) -> Bool {
    octet == 0x20 || octet == 0x0A || octet == 0x0D || octet == 0x09
}
