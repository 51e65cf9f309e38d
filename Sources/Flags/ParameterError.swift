/// What is wrong with a flag or a parameter, where, and what belongs there.
package struct ParameterError: Error, Equatable, CustomStringConvertible {
    /// The flag, or the ConfigMap's key and the parameter in it, such as `linear.min`; `data` when the keys themselves are
    /// wrong.
    package let place: String
    package let found: String
    package let expected: String

    package init(at place: String, found: String, expected: String) {
        self.place = place
        self.found = found
        self.expected = expected
    }

    package var description: String { "\(place): found \(found), expected \(expected)" }
}
