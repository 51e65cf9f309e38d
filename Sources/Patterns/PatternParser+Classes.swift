// Escapes and classes of characters.
extension PatternParser {
    /// What a backslash and the characters behind it stand for.
    mutating func escape() throws(PatternError) -> PatternSyntax {
        let start = place
        guard let letter = peek(1) else {
            throw error("a \\ at the end", expected: "what it escapes")
        }
        let assertion: Assertion? =
            switch letter {
            case "A": .textStart
            case "z": .textEnd
            case "b": .wordBoundary
            case "B": .noWordBoundary
            default: nil
            }
        if let assertion {
            place += 2
            return .assertion(assertion)
        }
        if let set = try classEscape() { return .scalar(set) }
        place = start + 1
        let scalar = try escapedScalar(from: start)
        let set = ScalarRanges(scalar)
        return .scalar(flags.ignoresCase ? set.ignoringCase : set)
    }

    /// `\d`, `\pL` and the like at this place; nil, and nothing read, when something else stands there.
    private mutating func classEscape() throws(PatternError) -> ScalarRanges? {
        guard next == "\\", let letter = peek(1) else { return nil }
        let set: ScalarRanges
        switch letter {
        case "d": set = .digits
        case "D": set = ScalarRanges.digits.inverted
        case "s": set = .spaces
        case "S": set = ScalarRanges.spaces.inverted
        case "w": set = .words
        case "W": set = ScalarRanges.words.inverted
        case "p", "P":
            let start = place
            place += 2
            let category = try category(from: start)
            return letter == "P" ? category.inverted : category
        default: return nil
        }
        place += 2
        return set
    }

    /// A general category behind `\p`: one letter, or a name in braces, `^` in front for all others.
    private mutating func category(from start: Int) throws(PatternError) -> ScalarRanges {
        var name = ""
        if take("{") {
            while let scalar = next, scalar != "}" {
                name.unicodeScalars.append(scalar)
                place += 1
            }
            guard take("}") else { throw error("\\p{ without its }", expected: "a } behind it", at: start) }
        } else if let scalar = next {
            name.unicodeScalars.append(scalar)
            place += 1
        }
        let isInverted = name.hasPrefix("^")
        if isInverted { name.removeFirst() }
        guard let set = categories[name] ?? ScalarRanges.category(name) else {
            throw error("the class \\p{\(name)}", expected: "a general category such as L, Lu or Nd", at: start)
        }
        categories[name] = set
        return isInverted ? set.inverted : set
    }

    /// One character, behind a backslash that stands at `start` and was read.
    private mutating func escapedScalar(from start: Int) throws(PatternError) -> UInt32 {
        guard let letter = next else { throw error("a \\ at the end", expected: "what it escapes", at: start) }
        place += 1
        switch letter {
        case "a": return 0x07
        case "f": return 0x0C
        case "n": return 0x0A
        case "r": return 0x0D
        case "t": return 0x09
        case "v": return 0x0B
        case "x": return try hexadecimal(from: start)
        case "0": return octal(letter)
        case "1"..."7" where next.map { ("0"..."7").contains($0) } ?? false: return octal(letter)
        case "1"..."9":
            throw error(
                "\\\(letter), which would refer to a group",
                expected: "no reference: they cannot be matched in linear time", at: start)
        default:
            guard letter.value < 0x80, !ScalarRanges.words.contains(letter.value) || letter == "_" else {
                throw error("\\\(letter)", expected: "an escape of Go's regular expressions", at: start)
            }
            return letter.value
        }
    }

    private mutating func octal(_ first: Unicode.Scalar) -> UInt32 {
        var value = first.value - 0x30
        for _ in 0..<2 {
            guard let digit = next, ("0"..."7").contains(digit) else { break }
            value = value * 8 + digit.value - 0x30
            place += 1
        }
        return value
    }

    private mutating func hexadecimal(from start: Int) throws(PatternError) -> UInt32 {
        let isBraced = take("{")
        var digits = ""
        while digits.count < (isBraced ? 6 : 2), let digit = next, digit.properties.isASCIIHexDigit {
            digits.unicodeScalars.append(digit)
            place += 1
        }
        let value = UInt32(digits, radix: 16) ?? .max
        guard value <= ScalarRanges.last, isBraced ? take("}") : digits.count == 2 else {
            let expected = "two hexadecimal digits, or up to 10FFFF in braces"
            throw error("\\x without a code point", expected: expected, at: start)
        }
        return value
    }

    // MARK: Classes in brackets

    mutating func bracketClass() throws(PatternError) -> ScalarRanges {
        let start = place
        place += 1
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while isFirst || next != "]" {
            guard next != nil else { throw error("[ without its ]", expected: "a ] behind it", at: start) }
            isFirst = false
            if let set = try posixClass() {
                ranges += set.ranges
            } else if let set = try classEscape() {
                ranges += set.ranges
            } else {
                ranges.append(try range())
            }
        }
        place += 1
        let set = ScalarRanges(ranges)
        let folded = flags.ignoresCase ? set.ignoringCase : set
        return isInverted ? folded.inverted : folded
    }

    /// `a`, or `a-z`.
    private mutating func range() throws(PatternError) -> ClosedRange<UInt32> {
        let start = place
        let low = try classScalar()
        guard next == "-", let behind = peek(1), behind != "]" else { return low...low }
        place += 1
        let high = try classScalar()
        guard low <= high else {
            throw error(
                String(String.UnicodeScalarView(scalars[start..<place])), expected: "a range from lower to higher",
                at: start)
        }
        return low...high
    }

    private mutating func classScalar() throws(PatternError) -> UInt32 {
        let start = place
        guard let scalar = next else { throw error("[ without its ]", expected: "a ] behind it") }
        place += 1
        return scalar == "\\" ? try escapedScalar(from: start) : scalar.value
    }

    /// `[:alpha:]` or `[:^alpha:]` at this place; nil, and nothing read, when something else stands there.
    private mutating func posixClass() throws(PatternError) -> ScalarRanges? {
        guard next == "[", peek(1) == ":" else { return nil }
        let rest = scalars[(place + 2)...]
        let ends = rest.indices.dropLast().first { scalars[$0] == ":" && scalars[$0 + 1] == "]" }
        guard let end = ends else { return nil }
        var name = String(String.UnicodeScalarView(rest[..<end]))
        let isInverted = name.hasPrefix("^")
        if isInverted { name.removeFirst() }
        guard let set = ScalarRanges.posix(name) else {
            throw error("the class [:\(name):]", expected: "a class such as [:alpha:] or [:digit:]")
        }
        place = end + 2
        return isInverted ? set.inverted : set
    }
}
