/// One thing in a Corefile that is not as it must be: where it is, what was found, what was expected.
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    package let at: SourcePosition
    /// The directive at server block level; `server block`, `import` or `file` for what stands outside of directives.
    package let directive: String
    package let found: String
    package let expected: String

    package init(at: SourcePosition, directive: String, found: String, expected: String) {
        self.at = at
        self.directive = directive
        self.found = found
        self.expected = expected
    }

    package var description: String { "\(at): \(directive): found \(found), expected \(expected)" }

    /// How a word of the file is shown in `found`: as it is when it reads as one word, else in quotes; shortened.
    package static func shown(_ text: String) -> String {
        var result = ""
        var needsQuotes = text.isEmpty
        for (count, scalar) in text.unicodeScalars.enumerated() {
            guard count < Limits.shownScalars else {
                result += "…"
                break
            }
            switch scalar {
            case "\n": result += "\\n"
            case "\"": result += "\\\""
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
            if scalar.properties.isWhitespace || scalar == "," || scalar == "\"" { needsQuotes = true }
        }
        return needsQuotes ? "\"\(result)\"" : result
    }
}
