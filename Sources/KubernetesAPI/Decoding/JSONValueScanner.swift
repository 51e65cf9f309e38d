import Text

/// Finds where one JSON value ends, octet by octet, holding nothing of it.
///
/// Nesting is a bit for each level, not a call: input cannot exhaust the stack.
struct JSONValueScanner {
    /// Levels of objects and arrays. Managed fields, the deepest part of real objects, stay under 30.
    static let depthLimit = 96

    enum Step {
        /// The octet belongs to the value, which goes on.
        case inside
        /// The octet is the value's last.
        case last
        /// The value ended before this octet (numbers and words have no mark at their end).
        case past
    }

    private var depth = 0
    /// One bit for each open level, newest lowest: 1 for an object, 0 for an array.
    private var levels: UInt128 = 0
    private var inString = false
    private var escaped = false
    private var inWord = false

    mutating func step(_ octet: UInt8) throws(DecodingFailure) -> Step {
        if inString {
            if escaped {
                escaped = false
            } else if octet == UInt8(ascii: "\\") {
                escaped = true
            } else if octet == UInt8(ascii: "\"") {
                inString = false
                return depth == 0 ? .last : .inside
            }
            return .inside
        }
        switch octet {
        case UInt8(ascii: ",") where inWord, UInt8(ascii: "}") where inWord, UInt8(ascii: "]") where inWord:
            return .past
        case _ where inWord: return isJSONSpace(octet) ? .past : .inside
        case UInt8(ascii: "\""): inString = true
        case UInt8(ascii: "{"): try open(object: true)
        case UInt8(ascii: "["): try open(object: false)
        case UInt8(ascii: "}"): return try close(object: true)
        case UInt8(ascii: "]"): return try close(object: false)
        default:
            guard depth > 0 || !Self.isPunctuation(octet) else { throw .malformed("JSON value") }
            inWord = depth == 0
        }
        return .inside
    }

    private static func isPunctuation(_ octet: UInt8) -> Bool {
        octet == UInt8(ascii: ",") || octet == UInt8(ascii: ":")
    }

    private mutating func open(object: Bool) throws(DecodingFailure) {
        guard depth < Self.depthLimit else { throw .tooDeep }
        depth += 1
        levels = levels << 1 | (object ? 1 : 0)
    }

    private mutating func close(object: Bool) throws(DecodingFailure) -> Step {
        guard depth > 0, (levels & 1 == 1) == object else { throw .malformed("JSON brackets") }
        depth -= 1
        levels >>= 1
        return depth == 0 ? .last : .inside
    }
}
