/// The files that a configuration names.
package struct FileAccess: Sendable {
    private let readPath: @Sendable (String) throws -> String
    private let octetsOfPath: @Sendable (String) throws -> [UInt8]
    private let listPath: @Sendable (String) -> [String]?
    /// The folder that relative names begin at; empty for the process' own.
    private var root = ""

    /// - Parameters:
    ///   - octets: left out where all files are texts.
    ///   - list: whole paths of all files under a folder.
    package init(
        read: @escaping @Sendable (String) throws -> String,
        octets: (@Sendable (String) throws -> [UInt8])? = nil,
        list: @escaping @Sendable (String) -> [String]? = { _ in nil }
    ) {
        readPath = read
        octetsOfPath = octets ?? { Array(try read($0).utf8) }
        listPath = list
    }

    /// The text of a file; throws what says what went wrong.
    package func read(_ name: String) throws -> String { try readPath(path(name)) }

    /// The octets of a file, whatever they are; throws what says what went wrong.
    package func octets(_ name: String) throws -> [UInt8] { try octetsOfPath(path(name)) }

    /// All files under a folder, of folders in it too, as paths from there; nil when there is no such folder.
    package func list(_ folder: String) -> [String]? {
        let whole = path(folder)
        return listPath(whole)?.map { String($0.dropFirst(whole.count).drop { $0 == "/" }) }
    }

    /// The path of a file as the system knows it.
    package func path(_ name: String) -> String { root.isEmpty || name.hasPrefix("/") ? name : "\(root)/\(name)" }

    /// The same files, with names that are relative in `folder`.
    package func relative(to folder: String) -> Self {
        var files = self
        files.root = folder
        return files
    }

    /// The same files, with names that are relative in the process' own folder, as CoreDNS has it for some plugins.
    package var unrooted: Self { relative(to: "") }
}
