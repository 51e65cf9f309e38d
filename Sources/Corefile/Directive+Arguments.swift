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

    /// Go syntax; with `bareSeconds` a plain number counts seconds.
    package func duration(
        _ index: Int, in range: ClosedRange<Duration> = anyDuration, bareSeconds: Bool = false
    ) throws(ConfigurationError) -> Duration {
        try duration(
            argument(index, Self.meaning(range, bareSeconds: bareSeconds)), in: range, bareSeconds: bareSeconds)
    }

    package func duration(
        _ token: Token, in range: ClosedRange<Duration> = anyDuration, bareSeconds: Bool = false
    ) throws(ConfigurationError) -> Duration {
        var value = DurationText.parse(token.text)
        if bareSeconds, let seconds = Int32(token.text) { value = .seconds(seconds) }
        guard let value, range.contains(value) else {
            throw error(token, expected: Self.meaning(range, bareSeconds: bareSeconds))
        }
        return value
    }

    /// Zero to what Go can hold, some 292 years.
    package static var anyDuration: ClosedRange<Duration> { .zero ... .nanoseconds(Int64.max) }

    // MARK: Words

    package func onOff(_ index: Int) throws(ConfigurationError) -> Bool {
        try onOff(argument(index, "on or off"))
    }

    package func onOff(_ token: Token) throws(ConfigurationError) -> Bool {
        switch token.text {
        case "on": return true
        case "off": return false
        default: throw error(token, expected: "on or off")
        }
    }

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

    /// The zones of all arguments from a position on, or those of the server block when there are none.
    package func zones(from index: Int, orThoseOf block: [ServerKey]) throws(ConfigurationError) -> [String] {
        guard arguments.count > index else { return block.flatMap(\.zones) }
        var zones: [String] = []
        for token in arguments[max(index, 0)...] {
            zones += try self.zones(token)
        }
        return zones
    }

    package func endpoint(_ index: Int) throws(ConfigurationError) -> EndpointText {
        try endpoint(argument(index, Self.endpointMeaning))
    }

    package func endpoint(_ token: Token) throws(ConfigurationError) -> EndpointText {
        guard let endpoint = EndpointText(token.text) else { throw error(token, expected: Self.endpointMeaning) }
        return endpoint
    }

    private static var endpointMeaning: String { "an address as IP, IP:PORT, [IPv6]:PORT, :PORT or HOST" }

    private static func meaning(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (Int.min, Int.max): "a number"
        case (let low, Int.max): "a number from \(low)"
        case (let low, let high): "a number from \(low) to \(high)"
        }
    }

    private static func meaning(_ range: ClosedRange<Duration>, bareSeconds: Bool) -> String {
        let form = bareSeconds ? "a number of seconds or a duration like 5s or 1h30m" : "a duration like 5s or 1h30m"
        guard range != anyDuration else { return form }
        let low = DurationText.describe(range.lowerBound)
        guard range.upperBound < anyDuration.upperBound else { return "\(form) from \(low)" }
        return "\(form) from \(low) to \(DurationText.describe(range.upperBound))"
    }
}
