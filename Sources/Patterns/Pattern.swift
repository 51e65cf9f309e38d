/// A regular expression in Go's syntax (RE2), matched in time linear in the text: nothing in a text can make it slow.
///
/// Texts are octets read as UTF-8; an octet that is not part of a character counts as U+FFFD. `(?i)` ignores the case
/// of A to Z only. Scripts such as `\p{Greek}` are not known, general categories such as `\pL` are.
package struct Pattern: Sendable {
    /// The most characters an expression may have.
    package static let longest = 10_000

    /// The expression as written.
    package let text: String
    let program: PatternProgram
    /// How many groups remember what they took in, the whole match not counted.
    package let groupCount: Int
    /// Each group's name by its number; nil for those without, and for the whole match in front.
    package let names: [String?]

    package init(_ text: String) throws(PatternError) {
        let scalars = Array(text.unicodeScalars.prefix(Self.longest + 1))
        guard scalars.count <= Self.longest else {
            throw PatternError(
                position: Self.longest + 1, found: "a longer expression",
                expected: "at most \(Self.longest) characters")
        }
        var parser = PatternParser(scalars)
        let syntax = try parser.parse()
        self.text = text
        names = parser.names
        groupCount = parser.names.count - 1
        program = try PatternProgram(syntax, groupCount: groupCount)
    }

    /// How many instructions it was made into; what bounds the steps of a search.
    package var size: Int { program.instructions.count }

    /// The number of the group of this name.
    package func group(named name: String) -> Int? { names.firstIndex(of: name) }

    /// The leftmost match, of several there the one that the expression prefers, as Go's.
    package func firstMatch(in text: [UInt8]) -> PatternMatch? {
        var search = PatternSearch()
        return search.firstMatch(of: self, in: text)
    }

    package func matches(_ text: [UInt8]) -> Bool { firstMatch(in: text) != nil }
}
