/// Something about how to reach the API server that is missing or cannot be used.
package struct CredentialsError: Error, Equatable, CustomStringConvertible {
    /// The file or environment that was read.
    package let source: String
    /// The key in it, such as `clusters[prod].server`; empty when the whole file is meant.
    package let key: String
    /// Never the value of a secret.
    package let found: String
    package let expected: String

    package init(in source: String, key: String = "", found: String, expected: String) {
        self.source = source
        self.key = key
        self.found = found
        self.expected = expected
    }

    package var description: String {
        "\(source): \(key.isEmpty ? "" : key + ": ")found \(found), expected \(expected)"
    }
}
