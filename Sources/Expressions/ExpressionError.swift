/// What is wrong with the text of an expression.
package struct ExpressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The character it is found at, from 1 on.
    package let column: Int
    package let found: String
    package let expected: String

    package var description: String { "at column \(column): found \(found), expected \(expected)" }
}

/// Why an expression that is sound has no value for a question.
package struct EvaluationError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
