/// What is wrong with the text of a pattern.
package struct PatternError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The character it is found at, from 1 on.
    package let position: Int
    package let found: String
    package let expected: String

    package var description: String { "at character \(position): found \(found), expected \(expected)" }
}
