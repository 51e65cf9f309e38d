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
    private(set) var dot = Dot.question
    private var loops = 0

    /// What the dot is at a place.
    enum Dot: Equatable {
        /// All that is known of the question.
        case question
        /// A part of that, by the words that lead to it.
        case part([String])
        /// The value of `with`, or the element of `range`.
        case value(Int)
    }
    var depth = 0

    init(_ text: String, names: RecordTemplate.Names) {
        self.text = text
        self.names = names
    }

    mutating func parse() throws(TemplateError) -> [TemplatePart] {
        lexemes = try TemplateLexer.lexemes(of: text)
        let parts = try self.parts()
        guard next == .end else { throw unexpected("an if, with or range before it") }
        return parts
    }

    // MARK: Words

    var next: TemplateLexer.Lexeme { lexeme(0) }

    func lexeme(_ distance: Int) -> TemplateLexer.Lexeme {
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

    /// Text and actions up to the end, or to an `else` or `end` that belongs to what stands before.
    private mutating func parts(_ dot: Dot? = nil) throws(TemplateError) -> [TemplatePart] {
        try enter()
        let outer = self.dot
        if let dot { self.dot = dot }
        defer { self.dot = outer }
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

    private static let unsupported: Set<String> = ["define", "template", "block"]

    private mutating func action() throws(TemplateError) -> TemplatePart {
        if take(.word("if")) { return try choice("if") }
        if take(.word("with")) { return try choice("with") }
        if take(.word("range")) { return try loop() }
        if next == .word("break") || next == .word("continue") { return try leave() }
        if case .word(let word) = next, Self.unsupported.contains(word) {
            throw unexpected("if, with, range, a field, a function or a value: no other control is known here")
        }
        if case .variable(let name, let fields) = next, fields.isEmpty, !name.isEmpty {
            if lexeme(1) == .symbol(":=") { return try declaration(of: name) }
            if lexeme(1) == .symbol("=") { return try assignment(to: name) }
        }
        return .value(try closedPipeline())
    }

    mutating func closedPipeline() throws(TemplateError) -> TemplateTerm {
        let term = try pipeline()
        guard take(.close) else { throw unexpected("| or }}") }
        return term
    }

    private mutating func declaration(of name: String) throws(TemplateError) -> TemplatePart {
        position += 2
        let term = try closedPipeline()
        // Known behind its value only, which may refer to an earlier one of the same name.
        return .assignment(newLocal(name), term)
    }

    private mutating func assignment(to name: String) throws(TemplateError) -> TemplatePart {
        guard let known = locals.last(where: { $0.name == name }) else {
            throw unexpected("a variable declared with := before")
        }
        position += 2
        return .assignment(known.place, try closedPipeline())
    }

    /// A place for a value that is known up to the end of the parts around it; under a name, if it has one.
    mutating func newLocal(_ name: String? = nil) -> Int {
        if let name { locals.append((name, localCount)) }
        localCount += 1
        return localCount - 1
    }

    /// Forgets the variables and the dot that were declared since.
    mutating func leave(to known: Int) { locals.removeLast(locals.count - known) }

    /// What `{{ if` and `{{ with` begin; of `with`, the value is the dot of its parts.
    private mutating func choice(_ kind: String) throws(TemplateError) -> TemplatePart {
        let known = locals.count
        defer { leave(to: known) }
        var branches: [TemplatePart.Branch] = []
        while true {
            var places: [Int] = []
            let name = try declaredName()
            if kind == "with", name == nil, let part = takePart() {
                // What is known of the question is always there.
                branches.append(TemplatePart.Branch(condition: nil, parts: try parts(.part(part))))
                try endAfterPart()
                return .choice(branches)
            }
            let condition = try closedPipeline()
            if let name { places.append(newLocal(name)) }
            var dot = Dot.question
            if kind == "with" { dot = dotOf(condition, &places) }
            branches.append(
                TemplatePart.Branch(
                    condition: condition, places: places, parts: kind == "with" ? try parts(dot) : try parts()))
            guard take(.open) else { throw unexpected("{{ end }} for each \(kind)") }
            if try takesEnd() { return .choice(branches) }
            guard take(.word("else")) else { throw unexpected("{{ end }}") }
            if take(.word(kind)) { continue }
            guard take(.close) else { throw unexpected("\(kind) or }} behind else") }
            branches.append(TemplatePart.Branch(condition: nil, parts: try parts()))
            guard take(.open), try takesEnd() else { throw unexpected("{{ end }}") }
            return .choice(branches)
        }
    }

    /// Takes the words of a part of the question that has fields of its own: `.Question }}`.
    private mutating func takePart() -> [String]? {
        let words: [String]
        switch next {
        case .field(let fields) where dot == .question: words = fields
        case .variable("", let fields): words = fields
        default: return nil
        }
        guard ["Question", "Message"].contains(words.first), words.count == 1, lexeme(1) == .close else { return nil }
        position += 2
        return words
    }

    /// What may stand behind such a part is read and left out.
    private mutating func endAfterPart() throws(TemplateError) {
        guard take(.open) else { throw unexpected("{{ end }} for each with") }
        if take(.word("else")) {
            guard take(.close) else { throw unexpected("}} behind else") }
            _ = try parts()
            guard take(.open) else { throw unexpected("{{ end }}") }
        }
        guard try takesEnd() else { throw unexpected("{{ end }}") }
    }

    private mutating func takesEnd() throws(TemplateError) -> Bool {
        guard take(.word("end")) else { return false }
        guard take(.close) else { throw unexpected("}} behind end") }
        return true
    }

    /// The name of `$name :=`.
    private mutating func declaredName() throws(TemplateError) -> String? {
        guard case .variable(let name, let fields) = next, fields.isEmpty, !name.isEmpty, lexeme(1) == .symbol(":=")
        else {
            return nil
        }
        position += 2
        return name
    }

    // MARK: Loops

    private mutating func loop() throws(TemplateError) -> TemplatePart {
        let known = locals.count
        defer { leave(to: known) }
        var names: [String] = []
        if case .variable(let first, _) = next, lexeme(1) == .symbol(","), case .variable(let second, _) = lexeme(2),
            lexeme(3) == .symbol(":=")
        {
            names = [first, second]
            position += 4
        } else if let name = try declaredName() {
            names = [name]
        }
        let list = try pipeline(mayBeGroups: true)
        guard take(.close) else { throw unexpected("| or }}") }
        let keys = names.count == 2 ? [newLocal(names[0])] : []
        var elements = names.last.map { [newLocal($0)] } ?? []
        let dot = newLocal()
        elements.append(dot)
        loops += 1
        let body = try parts(.value(dot))
        loops -= 1
        guard take(.open) else { throw unexpected("{{ end }} for each range") }
        var otherwise: [TemplatePart] = []
        if take(.word("else")) {
            guard take(.close) else { throw unexpected("}} behind else") }
            otherwise = try parts()
            guard take(.open) else { throw unexpected("{{ end }} for each range") }
        }
        guard try takesEnd() else { throw unexpected("{{ end }}") }
        return .loop(
            TemplatePart.Loop(list: list, keys: keys, elements: elements, parts: body, otherwise: otherwise))
    }

    private mutating func leave() throws(TemplateError) -> TemplatePart {
        let isForGood = next == .word("break")
        guard loops > 0 else { throw unexpected("range around it") }
        position += 1
        guard take(.close) else { throw unexpected("}}") }
        return .leave(isForGood: isForGood)
    }
}
