/// Why a text is not JSON, and where.
package struct JSONFailure: Error, Equatable, CustomStringConvertible {
    /// Octets before the place.
    package let offset: Int
    package let expected: String

    package var description: String { "at octet \(offset + 1): expected \(expected)" }
}

/// Reads one JSON document strictly: no comments, no trailing commas, nothing after it.
struct JSONReader {
    /// Parameters nest three levels deep; the limit keeps a hostile document from exhausting the stack.
    static let depthLimit = 64

    private let octets: [UInt8]
    private var index = 0

    static func read(_ text: String) throws(JSONFailure) -> JSONTree {
        var reader = JSONReader(octets: Array(text.utf8))
        let tree = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.peek == nil else { throw reader.failure("the end of the text") }
        return tree
    }

    private init(octets: [UInt8]) { self.octets = octets }

    private var peek: UInt8? { index < octets.count ? octets[index] : nil }

    private func failure(_ expected: String) -> JSONFailure { JSONFailure(offset: index, expected: expected) }

    private mutating func skipSpace() {
        while let octet = peek, octet == 0x20 || octet == 0x09 || octet == 0x0A || octet == 0x0D { index += 1 }
    }

    private mutating func take(_ wanted: Character) -> Bool {
        guard let octet = peek, octet == wanted.asciiValue else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONFailure) -> JSONTree {
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

    private mutating func word(_ text: String, _ tree: JSONTree) throws(JSONFailure) -> JSONTree {
        guard octets[index...].starts(with: text.utf8) else { throw failure("a value") }
        index += text.utf8.count
        return tree
    }

    private mutating func object(depth: Int) throws(JSONFailure) -> JSONTree {
        index += 1
        var members: [JSONTree.Member] = []
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("a member's name in quotes") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw failure("a colon") }
            members.append(JSONTree.Member(name: name, value: try value(depth: depth + 1)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw failure("a comma or a closing brace") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONFailure) -> JSONTree {
        index += 1
        var elements: [JSONTree] = []
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

    private mutating func number() throws(JSONFailure) -> JSONTree {
        let start = index
        _ = take("-")
        let leading = peek
        let whole = digits()
        guard whole > 0 else { throw failure("a value") }
        guard whole == 1 || leading != UInt8(ascii: "0") else { throw failure("a number without leading zeros") }
        if take("."), digits() == 0 { throw failure("digits") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() > 0 else { throw failure("an exponent") }
        }
        return .number(String(decoding: octets[start..<index], as: UTF8.self))
    }

    // MARK: Strings

    private mutating func string() throws(JSONFailure) -> String {
        index += 1
        var text: [UInt8] = []
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

    private mutating func escape(_ text: inout [UInt8]) throws(JSONFailure) {
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

    private mutating func codeUnit() throws(JSONFailure) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let octet = peek, let digit = Character(Unicode.Scalar(octet)).hexDigitValue else {
                throw failure("four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            index += 1
        }
        return code
    }
}
