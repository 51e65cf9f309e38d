extension Parser {
    /// The name errors carry that belong to no directive.
    static let outside = "server block"

    mutating func report(_ at: SourcePosition, _ directive: String, found: String, expected: String) {
        report(ConfigurationError(at: at, directive: directive, found: found, expected: expected))
    }

    mutating func report(_ error: ConfigurationError) {
        // The same word of a snippet is wrong at each use; say it once.
        guard errors.count < Limits.errors, !errors.contains(error) else { return }
        errors.append(error)
    }

    /// Gives up reading: what follows would only be noise.
    mutating func stop() {
        stream.stop()
        hasReportedEnd = true
    }

    mutating func reportStrayBrace(_ lexeme: Lexeme) {
        report(lexeme.token.at, Self.outside, found: "} without {", expected: "a directive or the end of the file")
    }

    mutating func reportUnclosedBrace(_ opening: SourcePosition, in directive: String) {
        guard !hasReportedEnd else { return }
        hasReportedEnd = true
        report(opening, directive, found: "the end of the file", expected: "} for the { of this line")
    }

    mutating func reportUnterminatedQuote(_ lexeme: Lexeme, in directive: String) {
        hasReportedEnd = true
        report(lexeme.token.at, directive, found: "a quote without end", expected: "a closing \"")
    }
}
