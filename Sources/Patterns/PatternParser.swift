/// Reads an expression in Go's syntax (RE2) into a tree.
struct PatternParser {
    let scalars: [Unicode.Scalar]
    var place = 0
    var flags = Flags()
    /// Each group's name by its number, the whole match in front.
    private(set) var names: [String?] = [nil]
    /// Sets of general categories: each is gathered from all of Unicode once.
    var categories: [String: ScalarRanges] = [:]

    struct Flags {
        /// `i`: letters of both cases are the same.
        var ignoresCase = false
        /// `m`: `^` and `$` stand for the ends of lines too.
        var isMultiline = false
        /// `s`: `.` takes a newline in too.
        var dotIsAny = false
        /// `U`: repetitions are lazy, and greedy with `?` behind.
        var isLazy = false
    }

    static let deepest = 250
    static let mostGroups = 100
    static let mostRepeats = 1000

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    mutating func parse() throws(PatternError) -> PatternSyntax {
        let syntax = try choice(depth: 0)
        guard place == scalars.count else {
            throw error("a ) that closes nothing", expected: "an escaped one, or a ( before it")
        }
        return syntax
    }

    // MARK: Characters

    var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    func peek(_ distance: Int) -> Unicode.Scalar? {
        place + distance < scalars.count ? scalars[place + distance] : nil
    }

    mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard place + wanted.count <= scalars.count, Array(scalars[place..<place + wanted.count]) == wanted else {
            return false
        }
        place += wanted.count
        return true
    }

    /// An error at the character to be read next, or at `position`, counted from 0.
    func error(_ found: String, expected: String, at position: Int? = nil) -> PatternError {
        PatternError(position: (position ?? place) + 1, found: found, expected: expected)
    }

    // MARK: Structure

    private mutating func choice(depth: Int) throws(PatternError) -> PatternSyntax {
        guard depth <= Self.deepest else {
            throw error("groups nested \(depth) deep", expected: "at most \(Self.deepest) levels")
        }
        var parts = [try sequence(depth: depth)]
        while take("|") { parts.append(try sequence(depth: depth)) }
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func sequence(depth: Int) throws(PatternError) -> PatternSyntax {
        var parts: [PatternSyntax] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            if take("\\Q") {
                while place < scalars.count, !take("\\E") {
                    let quoted = literal(scalars[place])
                    place += 1
                    // A repetition behind the quotation is of its last character.
                    let isLast = place + 1 < scalars.count && scalars[place] == "\\" && scalars[place + 1] == "E"
                    if isLast { place += 2 }
                    parts.append(isLast ? try repetition(of: quoted, from: place) : quoted)
                    if isLast { break }
                }
                continue
            }
            let start = place
            guard let part = try atom(depth: depth) else { continue }
            parts.append(try repetition(of: part, from: start))
        }
        switch parts.count {
        case 0: return .empty
        case 1: return parts[0]
        default: return .sequence(parts)
        }
    }

    /// One part without its repetition; nil for flags, which are no part.
    private mutating func atom(depth: Int) throws(PatternError) -> PatternSyntax? {
        guard let scalar = next else { return nil }
        switch scalar {
        case "(": return try group(depth: depth)
        case "[": return .scalar(try bracketClass())
        case "\\": return try escape()
        case "*", "+", "?":
            throw error("\(scalar) with nothing before it", expected: "what is to be repeated, or \\\(scalar)")
        default: break
        }
        place += 1
        switch scalar {
        case ".": return .scalar(flags.dotIsAny ? .any : .notNewline)
        case "^": return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.isMultiline ? .lineEnd : .textEnd)
        default: return literal(scalar)
        }
    }

    func literal(_ scalar: Unicode.Scalar) -> PatternSyntax {
        let set = ScalarRanges(scalar.value)
        return .scalar(flags.ignoresCase ? set.ignoringCase : set)
    }

    // MARK: Repetition

    private mutating func repetition(of part: PatternSyntax, from start: Int) throws(PatternError) -> PatternSyntax {
        let here = place
        guard let (least, most) = try repeatCounts() else { return part }
        let isLazy = take("?") != flags.isLazy
        let second = place
        if try repeatCounts() != nil {
            let found = String(String.UnicodeScalarView(scalars[here..<place]))
            throw error(
                "a repetition of a repetition, \(found)", expected: "one, or a group around the first", at: second)
        }
        return .repeated(part, least: least, most: most, isLazy: isLazy)
    }

    /// What `*`, `+`, `?` or `{m,n}` says; nil where none of them stands, as with a brace that is meant as such.
    private mutating func repeatCounts() throws(PatternError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = place
        guard take("{"), let least = number() else {
            place = start
            return nil
        }
        var most: Int? = least
        if take(",") { most = next == "}" ? nil : number() ?? -1 }
        guard take("}"), most != -1 else {
            place = start
            return nil
        }
        guard least <= Self.mostRepeats, (most ?? 0) <= Self.mostRepeats, least <= most ?? least else {
            throw error(
                String(String.UnicodeScalarView(scalars[start..<place])),
                expected: "counts up to \(Self.mostRepeats), the smaller one first", at: start)
        }
        return (least, most)
    }

    /// Digits; anything beyond what may be repeated is one more than that.
    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, ("0"..."9").contains(digit) {
            value = min((value ?? 0) * 10 + Int(digit.value - 0x30), Self.mostRepeats + 1)
            place += 1
        }
        return value
    }

    // MARK: Groups

    private mutating func group(depth: Int) throws(PatternError) -> PatternSyntax? {
        let start = place
        place += 1
        let outer = flags
        var number: Int?
        if take("?P<") || take("?<") {
            number = try newGroup(try groupName(), at: start)
        } else if take("?") {
            guard try readFlags() else { return nil }
        } else {
            number = try newGroup(nil, at: start)
        }
        let inner = try choice(depth: depth + 1)
        guard take(")") else { throw error("a group without its )", expected: "a ) behind it", at: start) }
        flags = outer
        return number.map { .group($0, inner) } ?? inner
    }

    private mutating func newGroup(_ name: String?, at start: Int) throws(PatternError) -> Int {
        guard names.count <= Self.mostGroups else {
            throw error(
                "another group", expected: "at most \(Self.mostGroups); (?: ) groups without remembering", at: start)
        }
        names.append(name)
        return names.count - 1
    }

    private mutating func groupName() throws(PatternError) -> String {
        let start = place
        var name = ""
        while let scalar = next, scalar != ">" {
            guard ScalarRanges.words.contains(scalar.value) else {
                throw error("\(scalar) in the name of a group", expected: "letters, digits and _")
            }
            name.unicodeScalars.append(scalar)
            place += 1
        }
        guard take(">"), !name.isEmpty else {
            throw error("a group's name that is empty or has no end", expected: "a name and >", at: start)
        }
        guard !names.contains(name) else {
            throw error("a second group named \(name)", expected: "names of their own", at: start)
        }
        return name
    }

    /// Reads `i-s:` or `i-s)` behind `(?`; false when they are for the rest of the group around and no group begins.
    private mutating func readFlags() throws(PatternError) -> Bool {
        var turnsOn = true
        var count = 0
        while let scalar = next {
            switch scalar {
            case "i": flags.ignoresCase = turnsOn
            case "m": flags.isMultiline = turnsOn
            case "s": flags.dotIsAny = turnsOn
            case "U": flags.isLazy = turnsOn
            case "-" where turnsOn:
                turnsOn = false
                count = -1
            case ":" where turnsOn || count > 0:
                place += 1
                return true
            case ")" where count > 0:
                place += 1
                return false
            default:
                throw error("\(scalar) behind (?", expected: "flags out of i, m, s and U, a group's <name>, or :")
            }
            count += 1
            place += 1
        }
        throw error("an end behind (?", expected: "flags, a group's <name>, or :")
    }
}
