/// The files that a configuration names.
package struct FileAccess: Sendable {
    /// The text of a file; throws what says what went wrong.
    package let read: @Sendable (String) throws -> String
    /// The octets of a file, whatever they are; throws what says what went wrong.
    package let octets: @Sendable (String) throws -> [UInt8]
    /// Paths of all files under a folder, of folders in it too; nil when there is no such folder.
    package let list: @Sendable (String) -> [String]?
    /// The folder that relative names begin at; empty for the process' own.
    private var root = ""

    /// - Parameter octets: left out where all files are texts.
    package init(
        read: @escaping @Sendable (String) throws -> String,
        octets: (@Sendable (String) throws -> [UInt8])? = nil,
        list: @escaping @Sendable (String) -> [String]? = { _ in nil }
    ) {
        self.read = read
        self.octets = octets ?? { Array(try read($0).utf8) }
        self.list = list
    }

    /// The path of a file as the system knows it.
    package func path(_ name: String) -> String { root.isEmpty || name.hasPrefix("/") ? name : "\(root)/\(name)" }

    /// The same files, with names that are relative in `folder`.
    package func relative(to folder: String) -> Self {
        @Sendable func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }
        var files = Self(
            read: { try read(absolute($0)) }, octets: { try octets(absolute($0)) }, list: { list(absolute($0)) })
        files.root = folder
        return files
    }
}
