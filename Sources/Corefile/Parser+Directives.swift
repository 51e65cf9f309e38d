extension Parser {
    /// The lines of a block up to its `}`. Without `openedAt` there was no `{` and the block ends with the file.
    mutating func directives(depth: Int, of outermost: String?, openedAt opening: SourcePosition?) -> [Directive] {
        var directives: [Directive] = []
        while let lexeme = next() {
            switch lexeme.kind {
            case .close:
                if opening == nil { reportStrayBrace(lexeme) }
                return directives
            case .open:
                report(
                    lexeme.token.at, outermost ?? directives.last?.name ?? Self.outside,
                    found: "{ at the start of a line", expected: "{ at the end of the line it belongs to")
                skipBlock(openedAt: lexeme.token.at)
            case .word where lexeme.isImport:
                expandImport(lexeme)
            case .word:
                if let directive = directive(lexeme, depth: depth, of: outermost) { directives.append(directive) }
            }
        }
        if let opening { reportUnclosedBrace(opening, in: outermost ?? Self.outside) }
        return directives
    }

    private mutating func directive(_ first: Lexeme, depth: Int, of outermost: String?) -> Directive? {
        let name = token(first, in: outermost ?? Self.outside)
        let plugin = outermost ?? name.text
        var arguments: [Token] = []
        while let lexeme = stream.peekOnLine(), lexeme.kind == .word {
            _ = next()
            arguments.append(token(lexeme, in: plugin))
        }
        var block: [Directive] = []
        var hasBlock = false
        if let lexeme = stream.peekOnLine(), lexeme.kind == .open {
            _ = next()
            hasBlock = true
            block = nested(in: plugin, depth: depth, openedAt: lexeme.token.at)
            rejectRestOfLine(in: plugin)
        }
        guard !name.text.isEmpty else {
            let expected = outermost == nil ? "a directive" : "a property"
            if !first.isUnterminated { report(name.at, outermost ?? Self.outside, found: "\"\"", expected: expected) }
            return nil
        }
        return Directive(
            name: name.text, at: name.at, arguments: arguments, block: block, hasBlock: hasBlock, outermost: outermost)
    }

    // The depth is bounded here and nowhere else: everything that walks a tree may recurse.
    private mutating func nested(in plugin: String, depth: Int, openedAt opening: SourcePosition) -> [Directive] {
        guard depth < Limits.blockDepth else {
            report(
                opening, plugin, found: "blocks nested \(depth + 1) deep",
                expected: "at most \(Limits.blockDepth) levels")
            skipBlock(openedAt: opening)
            return []
        }
        return directives(depth: depth + 1, of: plugin, openedAt: opening)
    }

    private mutating func rejectRestOfLine(in plugin: String) {
        guard let lexeme = stream.peekOnLine(), lexeme.kind != .close else { return }
        report(
            lexeme.token.at, plugin, found: "\(ConfigurationError.shown(lexeme.token.text)) after }",
            expected: "the end of the line")
        while let lexeme = stream.peekOnLine(), lexeme.kind != .close {
            _ = next()
            if lexeme.kind == .open { skipBlock(openedAt: lexeme.token.at) }
        }
    }

    /// Everything up to the `}` that belongs to a `{` already read, without looking at it.
    @discardableResult
    mutating func skipBlock(openedAt opening: SourcePosition?) -> [Lexeme] {
        var lexemes: [Lexeme] = []
        var depth = 1
        while let lexeme = next() {
            if lexeme.isUnterminated { reportUnterminatedQuote(lexeme, in: Self.outside) }
            if lexeme.kind == .open { depth += 1 }
            if lexeme.kind == .close { depth -= 1 }
            if depth == 0 { return lexemes }
            lexemes.append(lexeme)
        }
        if let opening { reportUnclosedBrace(opening, in: Self.outside) }
        return lexemes
    }

    /// The next word, until there have been more than any real configuration has.
    mutating func next() -> Lexeme? {
        guard let lexeme = stream.next() else { return nil }
        if stream.isExhausting {
            report(
                lexeme.token.at, "import", found: "more than \(Limits.words) words",
                expected: "a smaller configuration")
            stop()
            return nil
        }
        return lexeme
    }

    func substituted(_ text: String) -> String {
        EnvironmentReferences.substituted(in: text, from: sources.environment)
    }

    mutating func token(_ lexeme: Lexeme, in directive: String) -> Token {
        if lexeme.isUnterminated { reportUnterminatedQuote(lexeme, in: directive) }
        return Token(text: substituted(lexeme.token.text), at: lexeme.token.at, quoted: lexeme.token.quoted)
    }
}
