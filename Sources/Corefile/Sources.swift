extension CorefileSyntax {
    /// What a Corefile may reach outside of its own text.
    package struct Sources: Sendable {
        /// The text of the file at a path; what it throws is shown to the user.
        package var read: @Sendable (String) throws -> String
        /// The files that match a path with one `*` or `?`, in the order to read them. None is no error.
        package var glob: @Sendable (String) -> [String]
        package var environment: @Sendable (String) -> String?

        package init(
            read: @escaping @Sendable (String) throws -> String,
            glob: @escaping @Sendable (String) -> [String],
            environment: @escaping @Sendable (String) -> String?
        ) {
            self.read = read
            self.glob = glob
            self.environment = environment
        }
    }
}
