/// Reads a template; what it does not know of Go's language is an error, not left out.
struct TemplateParser {
    static let deepest = 50

    private let text: String
    let names: RecordTemplate.Names
    private var lexemes: [TemplateLexer.Place] = []
    var position = 0
    /// Variables of the template's own that are known at this place, with the places of their values.
    private(set) var locals: [(name: String, place: Int)] = []
    private var localCount = 0
    var depth = 0

    init(_ text: String, names: RecordTemplate.Names) {
        self.text = text
        self.names = names
    }

    mutating func parse() throws(TemplateError) -> [TemplatePart] {
        lexemes = try TemplateLexer.lexemes(of: text)
        let parts = try self.parts()
        guard next == .end else { throw unexpected("an if before it") }
        return parts
    }

    // MARK: Words

    var next: TemplateLexer.Lexeme { lexeme(0) }

    private func lexeme(_ distance: Int) -> TemplateLexer.Lexeme {
        position + distance < lexemes.count ? lexemes[position + distance].lexeme : .end
    }

    private var character: Int { position < lexemes.count ? lexemes[position].character : text.count + 1 }

    mutating func take(_ lexeme: TemplateLexer.Lexeme) -> Bool {
        guard next == lexeme else { return false }
        position += 1
        return true
    }

    func unexpected(_ expected: String) -> TemplateError {
        let found =
            switch next {
            case .text: "text"
            case .open: "{{"
            case .close: "}}"
            case .word(let word), .symbol(let word): word
            case .field(let fields): "." + fields.joined(separator: ".")
            case .variable(let name, let fields): (["$" + name] + fields).joined(separator: ".")
            case .string(let text): "\"\(text.prefix(40))\""
            case .integer(let value): String(value)
            case .end: "the end"
            }
        return error(found, expected)
    }

    func error(_ found: String, _ expected: String) -> TemplateError {
        TemplateError(character: character, found: found, expected: expected)
    }

    mutating func enter() throws(TemplateError) {
        depth += 1
        guard depth <= Self.deepest else { throw error("parts nested deeper", "at most \(Self.deepest) levels") }
    }

    // MARK: Parts

    /// Text and actions up to the end, or to an `else` or `end` that belongs to an `if` before.
    private mutating func parts() throws(TemplateError) -> [TemplatePart] {
        try enter()
        let known = locals.count
        defer {
            depth -= 1
            locals.removeLast(locals.count - known)
        }
        var parts: [TemplatePart] = []
        while true {
            if case .text(let text) = next {
                position += 1
                parts.append(.text(text))
            } else if next == .open, lexeme(1) != .word("else"), lexeme(1) != .word("end") {
                position += 1
                parts.append(try action())
            } else {
                return parts
            }
        }
    }

    private static let unsupported: Set<String> = [
        "range", "with", "define", "template", "block", "break", "continue",
    ]

    private mutating func action() throws(TemplateError) -> TemplatePart {
        if take(.word("if")) { return try choice() }
        if case .word(let word) = next, Self.unsupported.contains(word) {
            throw unexpected("if, a field, a function or a value: no other control is known here")
        }
        if case .variable(let name, let fields) = next, fields.isEmpty, !name.isEmpty {
            if lexeme(1) == .symbol(":=") { return try declaration(of: name) }
            if lexeme(1) == .symbol("=") { return try assignment(to: name) }
        }
        return .value(try closedPipeline())
    }

    private mutating func closedPipeline() throws(TemplateError) -> TemplateTerm {
        let term = try pipeline()
        guard take(.close) else { throw unexpected("| or }}") }
        return term
    }

    private mutating func declaration(of name: String) throws(TemplateError) -> TemplatePart {
        position += 2
        let term = try closedPipeline()
        // Known behind its value only, which may refer to an earlier one of the same name.
        locals.append((name, localCount))
        localCount += 1
        return .assignment(localCount - 1, term)
    }

    private mutating func assignment(to name: String) throws(TemplateError) -> TemplatePart {
        guard let known = locals.last(where: { $0.name == name }) else {
            throw unexpected("a variable declared with := before")
        }
        position += 2
        return .assignment(known.place, try closedPipeline())
    }

    private mutating func choice() throws(TemplateError) -> TemplatePart {
        var branches: [(condition: TemplateTerm?, parts: [TemplatePart])] = []
        var condition: TemplateTerm? = try pipeline()
        while true {
            guard take(.close) else { throw unexpected("| or }}") }
            branches.append((condition, try parts()))
            guard take(.open) else { throw unexpected("{{ end }} for each if") }
            if take(.word("end")) {
                guard take(.close) else { throw unexpected("}} behind end") }
                return .choice(branches)
            }
            guard condition != nil, take(.word("else")) else { throw unexpected("{{ end }}") }
            condition = take(.word("if")) ? try pipeline() : nil
        }
    }
}
