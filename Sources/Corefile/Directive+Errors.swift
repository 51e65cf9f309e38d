extension Directive {
    /// An error at this line. Inside of a plugin's block `found` should begin with the property's name.
    package func error(
        found: String, expected: String, at position: SourcePosition? = nil
    ) -> ConfigurationError {
        ConfigurationError(at: position ?? at, directive: outermost, found: found, expected: expected)
    }

    /// An error about one word of this line: `found ttl abc` inside of a block, `found abc` outside.
    package func error(_ token: Token, expected: String) -> ConfigurationError {
        error(found: prefixed(ConfigurationError.shown(token.text)), expected: expected, at: token.at)
    }

    /// An error about this property itself, for plugins that do not know it.
    package func unknownProperty(known: [String]) -> ConfigurationError {
        let expected = known.isEmpty ? "no properties" : Self.choice(of: known)
        return error(found: ConfigurationError.shown(name), expected: expected)
    }

    package func expectCount(_ count: ClosedRange<Int>) throws(ConfigurationError) {
        guard !count.contains(arguments.count) else { return }
        let found = Self.plural(arguments.count)
        throw error(found: isProperty ? prefixed("with \(found)") : found, expected: Self.describe(count))
    }

    package func expectCount(_ count: PartialRangeFrom<Int>) throws(ConfigurationError) {
        try expectCount(count.lowerBound...Int.max)
    }

    package func expectCount(_ count: Int) throws(ConfigurationError) {
        try expectCount(count...count)
    }

    package func noBlock() throws(ConfigurationError) {
        if hasBlock { throw error(found: prefixed("a block"), expected: "no block") }
    }

    /// `a`, `a or b`, `a, b or c`.
    static func choice(of words: [String]) -> String {
        guard words.count > 1, let last = words.last else { return words.first ?? "nothing" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }

    func prefixed(_ text: String) -> String {
        isProperty ? "\(ConfigurationError.shown(name)) \(text)" : text
    }

    private static func describe(_ count: ClosedRange<Int>) -> String {
        if count.lowerBound == count.upperBound { return plural(count.lowerBound) }
        if count.upperBound == Int.max { return "at least \(plural(count.lowerBound))" }
        if count.lowerBound == 0 { return "at most \(plural(count.upperBound))" }
        return "\(count.lowerBound) to \(plural(count.upperBound))"
    }

    private static func plural(_ count: Int) -> String {
        switch count {
        case 0: "no arguments"
        case 1: "1 argument"
        default: "\(count) arguments"
        }
    }
}
