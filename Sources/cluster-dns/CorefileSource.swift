import Corefile
import DNSServer
import Plugins
import Synchronization
import ZoneData

/// Reads a Corefile with its imports and environment.
struct CorefileSource: Sendable {
    /// Nil means the Corefile of the working directory, or the built-in one when there is none.
    let path: String?

    /// What can be read once only, standard input and other pipes: reloads find the same again.
    private static let kept = Mutex<[String: Result<String, System.FileFailure>]>([:])

    private static let builtIn = ".:53 {\n    whoami\n    log\n}\n"

    /// - Parameter isReload: something is served already. Then a file that is not there, or says nothing, is one that is
    ///   just being written, and what is built in does not take the place of what is served.
    func read(isReload: Bool) throws(ConfigurationErrors) -> ConfigurationSource.Content {
        let file = path ?? "Corefile"
        let text: String
        if path == nil, !isReload, !System.exists(file) {
            text = Self.builtIn
        } else {
            do throws(System.FileFailure) {
                text = try Self.text(of: file)
            } catch {
                throw Self.refusal(of: file, found: error.reason, expected: "a readable Corefile")
            }
        }
        var blocks = try Self.parse(text, file: file)
        if blocks.isEmpty {
            guard !isReload else {
                throw Self.refusal(of: file, found: "nothing", expected: "at least one server block")
            }
            blocks = try Self.parse(Self.builtIn, file: "built-in Corefile")
        }
        return (blocks, Self.hash(of: blocks))
    }

    /// Equal for two texts that mean the same.
    static func hash(of blocks: [ServerBlockSyntax]) -> String {
        let tokens = CorefileSyntax.tokens(of: blocks).joined(separator: "\u{0}")
        return (MessageDigest.sha512.digest(of: Array(tokens.utf8)) ?? []).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    static func refusal(of file: String, found: String, expected: String) -> ConfigurationErrors {
        ConfigurationErrors([
            ConfigurationError(
                at: SourcePosition(file: file, line: 0), directive: "file", found: found, expected: expected)
        ])
    }

    private static func text(of file: String) throws(System.FileFailure) -> String {
        guard file == "stdin" || !System.canBeReadAgain(file) else { return try System.readText(file, waits: true) }
        return try kept.withLock { kept throws(System.FileFailure) in
            let result =
                kept[file] ?? Result { () throws(System.FileFailure) in try System.readText(file, waits: true) }
            kept[file] = result
            return try result.get()
        }
    }

    static func parse(_ text: String, file: String) throws(ConfigurationErrors) -> [ServerBlockSyntax] {
        try CorefileSyntax.parse(
            text: text, file: file,
            sources: .init(
                read: { try System.readText($0) }, glob: { System.glob($0) },
                environment: { System.environment($0) }))
    }
}
