/// Reads server blocks and snippets. After an error it goes on at the next line or block, to find all errors at once.
struct Parser {
    let sources: CorefileSyntax.Sources
    var stream = LexemeStream()
    var errors: [ConfigurationError] = []
    var snippets: [String: [Lexeme]] = [:]
    var files: [String: [Lexeme]] = [:]
    var bytesRead: Int
    var snippetExpansions = 0
    var fileExpansions = 0
    var zoneCount = 0
    /// Whether the end of the file has been complained about: one missing brace is one error.
    var hasReportedEnd = false

    init(text: String, file: String, sources: CorefileSyntax.Sources) {
        self.sources = sources
        bytesRead = text.utf8.count
        let start = SourcePosition(file: file, line: 1)
        guard bytesRead <= Limits.fileBytes else {
            report(start, "file", found: "\(bytesRead) bytes", expected: "at most \(Limits.fileBytes) bytes")
            return
        }
        do {
            stream.push(try Lexer.lexemes(of: text, file: file), from: .file(ImportPath.resolve(file, importedBy: "")))
        } catch {
            report(error)
        }
    }

    mutating func blocks() -> [ServerBlockSyntax] {
        var blocks: [ServerBlockSyntax] = []
        while let lexeme = stream.peek() {
            switch lexeme.kind {
            case .close:
                reportStrayBrace(lexeme)
                _ = next()
            case .open:
                report(lexeme.token.at, Self.outside, found: "{", expected: "a zone before the {")
                _ = next()
                skipBlock(openedAt: lexeme.token.at)
            case .word where lexeme.isImport:
                _ = next()
                expandImport(lexeme)
            case .word:
                if let block = serverBlock(at: lexeme.token.at) { blocks.append(block) }
            }
        }
        return blocks
    }

    /// A server block, or nothing when it was a snippet or its keys are wrong.
    private mutating func serverBlock(at position: SourcePosition) -> ServerBlockSyntax? {
        let (words, opening) = keyWords()
        if words.count == 1, let name = Self.snippetName(words[0]) {
            defineSnippet(name, at: position, opening: opening)
            return nil
        }
        var keys: [ServerKey] = []
        for word in words {
            do {
                let key = try ServerKey(word)
                zoneCount += key.zones.count
                if zoneCount <= Limits.zones { keys.append(key) }
            } catch {
                report(error)
            }
        }
        if words.isEmpty {
            report(position, Self.outside, found: "no zone", expected: "a zone such as . or example.org")
        }
        if zoneCount > Limits.zones {
            report(
                position, Self.outside, found: "more than \(Limits.zones) zones", expected: "a smaller configuration")
            stop()
        }
        // Without a brace the block is the rest of the file.
        let directives = directives(depth: 1, of: nil, openedAt: opening)
        return keys.isEmpty ? nil : ServerBlockSyntax(keys: keys, directives: directives, at: position)
    }

    /// The words before a block, and where its brace is. Spaces and commas separate keys; a comma at the end of a line
    /// continues them on the next.
    private mutating func keyWords() -> (words: [Token], opening: SourcePosition?) {
        var words: [Token] = []
        var isFirst = true
        var comma: SourcePosition?
        while let lexeme = stream.peek() {
            if lexeme.kind == .open {
                if let comma { report(comma, Self.outside, found: "{ after a comma", expected: "another zone") }
                _ = next()
                return (words, lexeme.token.at)
            }
            if lexeme.kind == .close || (lexeme.startsLine && !isFirst && comma == nil) { break }
            _ = next()
            if lexeme.isImport, lexeme.startsLine {
                expandImport(lexeme)
                continue
            }
            isFirst = false
            let token = token(lexeme, in: Self.outside)
            for part in token.text.utf8.split(separator: UInt8(ascii: ",")) {
                words.append(Token(text: String(Substring(part)), at: token.at, quoted: token.quoted))
            }
            comma = token.text.utf8.last == UInt8(ascii: ",") ? token.at : nil
        }
        if let comma { report(comma, Self.outside, found: "nothing after a comma", expected: "another zone") }
        return (words, nil)
    }

    // MARK: Snippets

    private static func snippetName(_ word: Token) -> String? {
        guard word.text.utf8.first == UInt8(ascii: "("), word.text.utf8.last == UInt8(ascii: ")") else { return nil }
        return String(Substring(word.text.utf8.dropFirst().dropLast()))
    }

    /// Keeps the words of a snippet as they are: imports in it are expanded where it is used.
    private mutating func defineSnippet(_ name: String, at position: SourcePosition, opening: SourcePosition?) {
        if snippets[name] != nil {
            report(position, "snippet", found: "(\(name)) again", expected: "one snippet of this name")
        }
        if opening == nil {
            report(position, "snippet", found: "(\(name)) without {", expected: "a block in braces")
        }
        let lexemes = skipBlock(openedAt: opening)
        if snippets[name] == nil { snippets[name] = lexemes }
    }
}
