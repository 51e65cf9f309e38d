/// The language of the Corefile: text becomes server blocks with the position of every word. It knows no plugin.
package enum CorefileSyntax {
    /// Reads a Corefile with all it imports. A text without any server block gives an empty list.
    package static func parse(
        text: String, file: String, sources: Sources
    ) throws(ConfigurationErrors) -> [ServerBlockSyntax] {
        var parser = Parser(text: text, file: file, sources: sources)
        let blocks = parser.blocks()
        guard parser.errors.isEmpty else { throw ConfigurationErrors(parser.errors) }
        return blocks
    }

    /// What the blocks mean as a flat list: equal for two texts that differ in comments, white space or imports only.
    package static func tokens(of blocks: [ServerBlockSyntax]) -> [String] {
        var result: [String] = []
        for block in blocks {
            for key in block.keys {
                let port = key.port.map { ":\($0)" } ?? ""
                result += key.zones.map { "key \(key.transport.rawValue)://\($0)\(port)" }
            }
            append(block.directives, to: &result)
        }
        return result
    }

    // Structure has marks of its own, so that no argument can look like it.
    private static func append(_ directives: [Directive], to result: inout [String]) {
        result.append("{")
        for directive in directives {
            result.append("line \(directive.name)")
            result += directive.arguments.map { "word \($0.text)" }
            if directive.hasBlock { append(directive.block, to: &result) }
        }
        result.append("}")
    }
}
