import Corefile
import DNSServer
import Plugins
import ZoneData

/// Reads a Corefile with its imports and environment.
struct CorefileSource: Sendable {
    /// Nil means the Corefile of the working directory, or the built-in one when there is none.
    let path: String?

    // Standard input can be read once; reloads find the same again.
    private static let standardInput = Result { () throws(System.FileFailure) in
        try System.readText("stdin", waits: true)
    }

    private static let builtIn = ".:53 {\n    whoami\n    log\n}\n"

    func read() throws(ConfigurationErrors) -> (blocks: [ServerBlockSyntax], hash: String) {
        let file = path ?? "Corefile"
        let text: String
        if path == nil, !System.exists(file) {
            text = Self.builtIn
        } else {
            do throws(System.FileFailure) {
                text = file == "stdin" ? try Self.standardInput.get() : try System.readText(file, waits: true)
            } catch {
                throw ConfigurationErrors([
                    ConfigurationError(
                        at: SourcePosition(file: file, line: 0), directive: "file", found: error.reason,
                        expected: "a readable Corefile")
                ])
            }
        }
        var blocks = try parse(text, file: file)
        if blocks.isEmpty { blocks = try parse(Self.builtIn, file: "built-in Corefile") }
        let tokens = CorefileSyntax.tokens(of: blocks).joined(separator: "\u{0}")
        let hash = (MessageDigest.sha512.digest(of: Array(tokens.utf8)) ?? []).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
        return (blocks, hash)
    }

    private func parse(_ text: String, file: String) throws(ConfigurationErrors) -> [ServerBlockSyntax] {
        try CorefileSyntax.parse(
            text: text, file: file,
            sources: .init(
                read: { try System.readText($0) }, glob: { System.glob($0) },
                environment: { System.environment($0) }))
    }
}
