import Text

// Each value can be read by position, which also reports a missing argument, or from a token.
extension Directive {
    /// The argument at a position; `meaning` is what the error expects when it is missing.
    package func argument(_ index: Int, _ meaning: String) throws(ConfigurationError) -> Token {
        guard arguments.indices.contains(index) else {
            throw error(found: prefixed(index == 0 ? "nothing" : "nothing after argument \(index)"), expected: meaning)
        }
        return arguments[index]
    }

    // MARK: Numbers

    package func integer(_ index: Int, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        try integer(argument(index, Self.meaning(range)), in: range)
    }

    package func integer(_ token: Token, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        guard let value = Int(token.text), range.contains(value) else {
            throw error(token, expected: Self.meaning(range))
        }
        return value
    }

    // MARK: Durations

    /// Go syntax.
    package func duration(
        _ index: Int, in range: ClosedRange<Duration> = anyDuration
    ) throws(ConfigurationError) -> Duration {
        try duration(argument(index, Self.meaning(range)), in: range)
    }

    package func duration(
        _ token: Token, in range: ClosedRange<Duration> = anyDuration
    ) throws(ConfigurationError) -> Duration {
        guard let value = DurationText.parse(token.text), range.contains(value) else {
            throw error(token, expected: Self.meaning(range))
        }
        return value
    }

    /// Zero to what Go can hold, some 292 years.
    package static var anyDuration: ClosedRange<Duration> { .zero ... .nanoseconds(Int64.max) }

    // MARK: Words

    package func oneOf(_ index: Int, _ words: [String]) throws(ConfigurationError) -> String {
        try oneOf(argument(index, Self.choice(of: words)), words)
    }

    package func oneOf(_ token: Token, _ words: [String]) throws(ConfigurationError) -> String {
        guard words.contains(token.text) else { throw error(token, expected: Self.choice(of: words)) }
        return token.text
    }

    // MARK: Names and addresses

    /// The zones one argument stands for: itself in normal form, or the reverse zones of a network.
    package func zones(_ token: Token) throws(ConfigurationError) -> [String] {
        do {
            return try ServerKey(token, directive: outermost).zones
        } catch {
            throw self.error(token, expected: error.expected)
        }
    }

    private static func meaning(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (Int.min, Int.max): "a number"
        case (let low, Int.max): "a number from \(low)"
        case (let low, let high): "a number from \(low) to \(high)"
        }
    }

    private static func meaning(_ range: ClosedRange<Duration>) -> String {
        let form = "a duration like 5s or 1h30m"
        guard range != anyDuration else { return form }
        let low = DurationText.describe(range.lowerBound)
        guard range.upperBound < anyDuration.upperBound else { return "\(form) from \(low)" }
        return "\(form) from \(low) to \(DurationText.describe(range.upperBound))"
    }
}
