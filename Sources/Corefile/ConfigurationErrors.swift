/// Everything that is wrong with a configuration, reported together so that one edit can mend it.
package struct ConfigurationErrors: Error, Hashable, Sendable, CustomStringConvertible {
    package let errors: [ConfigurationError]

    package init(_ errors: [ConfigurationError]) {
        self.errors = errors
    }

    /// What anybody reads of a file with ten thousand mistakes.
    private static let most = 20

    package var description: String {
        var lines = errors.prefix(Self.most).map(\.description)
        if errors.count > Self.most { lines.append("and \(errors.count - Self.most) more") }
        return lines.joined(separator: "\n")
    }
}
