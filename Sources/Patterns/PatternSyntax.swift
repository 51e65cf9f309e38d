/// A pattern as a tree, as it was written.
indirect enum PatternSyntax {
    case empty
    /// One character out of these.
    case scalar(ScalarRanges)
    case assertion(Assertion)
    /// What is remembered as the group of this number.
    case group(Int, PatternSyntax)
    case sequence([PatternSyntax])
    /// The first that leads to a match is taken.
    case choice([PatternSyntax])
    /// - Parameter most: nil for any number.
    case repeated(PatternSyntax, least: Int, most: Int?, isLazy: Bool)

    /// True when it can match no characters at all.
    var isNullable: Bool {
        switch self {
        case .empty, .assertion: true
        case .scalar: false
        case .group(_, let inner): inner.isNullable
        case .sequence(let parts): parts.allSatisfy(\.isNullable)
        case .choice(let parts): parts.contains(where: \.isNullable)
        case .repeated(let inner, let least, _, _): least == 0 || inner.isNullable
        }
    }
}

/// What must be true of a place in the text, without taking anything of it in.
enum Assertion {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary

    func holds(_ text: [UInt8], at place: Int) -> Bool {
        switch self {
        case .textStart: place == 0
        case .textEnd: place == text.count
        case .lineStart: place == 0 || text[place - 1] == UInt8(ascii: "\n")
        case .lineEnd: place == text.count || text[place] == UInt8(ascii: "\n")
        case .wordBoundary: Self.isBoundary(text, place)
        case .noWordBoundary: !Self.isBoundary(text, place)
        }
    }

    private static func isBoundary(_ text: [UInt8], _ place: Int) -> Bool {
        let before = place > 0 && isWord(text[place - 1])
        let behind = place < text.count && isWord(text[place])
        return before != behind
    }

    /// RE2's words are of ASCII alone.
    private static func isWord(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
