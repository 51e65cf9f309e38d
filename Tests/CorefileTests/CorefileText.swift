import Corefile

/// A Corefile with the files and variables around it, and what is read from it as text.
struct CorefileText {
    let text: String
    let file: String
    let files: [String: String]
    let environment: [String: String]

    init(_ text: String, file: String = "Corefile", files: [String: String] = [:], environment: [String: String] = [:])
    {
        self.text = text
        self.file = file
        self.files = files
        self.environment = environment
    }

    func blocks() throws(ConfigurationErrors) -> [ServerBlockSyntax] {
        let (files, environment) = (files, environment)
        let sources = CorefileSyntax.Sources(
            read: { path throws in
                guard let text = files[path] else { throw NoSuchFile() }
                return text
            },
            // Enough for patterns that end in a wildcard.
            glob: { pattern in files.keys.filter { $0.hasPrefix(pattern.dropLast()) }.sorted() },
            environment: { environment[$0] })
        return try CorefileSyntax.parse(text: text, file: file, sources: sources)
    }

    /// Blocks and lines as the parser understood them, in one spelling; or the errors.
    var tree: String {
        do {
            return try blocks().map { block in
                block.keys.map(spelling).joined(separator: " ") + "\n" + lines(block.directives, indent: "    ")
            }.joined()
        } catch {
            return error.description
        }
    }

    var errors: String {
        do {
            _ = try blocks()
            return "no errors"
        } catch {
            return error.description
        }
    }

    private func spelling(_ key: ServerKey) -> String {
        key.transport.rawValue + "://" + key.zones.joined(separator: "|") + (key.port.map { ":\($0)" } ?? "")
    }

    private func lines(_ directives: [Directive], indent: String) -> String {
        directives.map { directive in
            let words = directive.arguments.map { $0.quoted ? " \"\($0.text)\"" : " \($0.text)" }.joined()
            guard directive.hasBlock else { return "\(indent)\(directive.name)\(words)\n" }
            return
                "\(indent)\(directive.name)\(words) {\n\(lines(directive.block, indent: indent + "    "))\(indent)}\n"
        }.joined()
    }
}

struct NoSuchFile: Error, CustomStringConvertible {
    var description: String { "no such file" }
}

/// Reads one line as the directive of a block, for tests of arguments.
func directive(_ line: String) throws -> Directive {
    let blocks = try CorefileText(".\n\(line)").blocks()
    guard let directive = blocks.first?.directives.first else { throw NoSuchFile() }
    return directive
}

/// The property a line is inside of the block of a plugin.
func property(_ line: String, of plugin: String) throws -> Directive {
    guard let property = try directive("\(plugin) {\n\(line)\n}").block.first else { throw NoSuchFile() }
    return property
}

/// What is thrown, as text.
func error(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return "\(error)"
    }
}
