extension Parser {
    /// Puts the words of a snippet or of files in the place of an `import` line that was just begun.
    mutating func expandImport(_ lexeme: Lexeme) {
        let at = lexeme.token.at
        guard let target = importTarget(at: at) else { return }
        if let snippet = snippets[target] {
            expandSnippet(target, snippet, at: at)
        } else if ImportPath.isPattern(target) {
            guard ImportPath.isAllowedPattern(target) else {
                reportImport(at, found: ConfigurationError.shown(target), expected: "one wildcard, * or ?, at most")
                return
            }
            // The last one pushed is read first.
            for path in sources.glob(ImportPath.resolve(target, importedBy: at.file)).reversed() {
                expandFile(path, named: path, at: at)
            }
        } else {
            expandFile(ImportPath.resolve(target, importedBy: at.file), named: target, at: at)
        }
    }

    private mutating func importTarget(at position: SourcePosition) -> String? {
        var words: [Token] = []
        while let lexeme = stream.peekOnLine(), lexeme.kind == .word {
            _ = next()
            words.append(token(lexeme, in: "import"))
        }
        let expected = "the name of one snippet or file"
        if let lexeme = stream.peekOnLine(), lexeme.kind == .open {
            _ = next()
            reportImport(position, found: "a block", expected: expected)
            skipBlock(openedAt: lexeme.token.at)
            return nil
        }
        guard words.count == 1, let word = words.first, !word.text.isEmpty else {
            let found = words.isEmpty ? "nothing" : words.count == 1 ? "\"\"" : "\(words.count) arguments"
            reportImport(position, found: found, expected: expected)
            return nil
        }
        return word.text
    }

    private mutating func expandSnippet(_ name: String, _ lexemes: [Lexeme], at position: SourcePosition) {
        snippetExpansions += 1
        guard snippetExpansions <= Limits.snippetExpansions else {
            reportImport(
                position, found: "more than \(Limits.snippetExpansions) imports of snippets", expected: "fewer")
            stop()
            return
        }
        guard !stream.isReading(.snippet(name)) else {
            reportCycle(name, at: position)
            return
        }
        stream.push(lexemes, from: .snippet(name))
    }

    private mutating func expandFile(_ path: String, named name: String, at position: SourcePosition) {
        fileExpansions += 1
        guard fileExpansions <= Limits.fileExpansions else {
            reportImport(position, found: "more than \(Limits.fileExpansions) imports of files", expected: "fewer")
            stop()
            return
        }
        guard !stream.isReading(.file(path)) else {
            reportCycle(name, at: position)
            return
        }
        if let lexemes = files[path] ?? load(path, named: name, at: position) {
            files[path] = lexemes
            stream.push(lexemes, from: .file(path))
        }
    }

    private mutating func load(_ path: String, named name: String, at position: SourcePosition) -> [Lexeme]? {
        let text: String
        do {
            text = try sources.read(path)
        } catch {
            reportImport(
                position, found: "\(ConfigurationError.shown(name)) (\(error))",
                expected: "a snippet defined above or a file that can be read")
            return nil
        }
        let size = text.utf8.count
        bytesRead += size
        guard size <= Limits.fileBytes, bytesRead <= Limits.allFilesBytes else {
            let file = ConfigurationError.shown(name)
            if size > Limits.fileBytes {
                reportImport(
                    position, found: "\(file) with \(size) bytes", expected: "at most \(Limits.fileBytes) bytes")
            } else {
                reportImport(
                    position, found: "\(bytesRead) bytes with \(file)",
                    expected: "at most \(Limits.allFilesBytes) bytes in all files")
            }
            return nil
        }
        do {
            return try Lexer.lexemes(of: text, file: path)
        } catch {
            report(error)
            return nil
        }
    }

    private mutating func reportCycle(_ name: String, at position: SourcePosition) {
        reportImport(
            position, found: "\(ConfigurationError.shown(name)), which imports itself",
            expected: "imports without a cycle")
    }

    private mutating func reportImport(_ at: SourcePosition, found: String, expected: String) {
        report(at, "import", found: found, expected: expected)
    }
}
