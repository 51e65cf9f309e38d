import Expressions

/// Reads a template; what it does not know of Go's language is an error, not left out.
struct TemplateParser {
    static let deepest = 50

    private let text: String
    private let names: RecordTemplate.Names
    private var lexemes: [TemplateLexer.Place] = []
    private var position = 0
    /// Variables of the template's own that are known at this place, with the places of their values.
    private var locals: [(name: String, place: Int)] = []
    private var localCount = 0
    private var depth = 0

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

    private var next: TemplateLexer.Lexeme { lexeme(0) }

    private func lexeme(_ distance: Int) -> TemplateLexer.Lexeme {
        position + distance < lexemes.count ? lexemes[position + distance].lexeme : .end
    }

    private var character: Int { position < lexemes.count ? lexemes[position].character : text.count + 1 }

    private mutating func take(_ lexeme: TemplateLexer.Lexeme) -> Bool {
        guard next == lexeme else { return false }
        position += 1
        return true
    }

    private func unexpected(_ expected: String) -> TemplateError {
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

    private func error(_ found: String, _ expected: String) -> TemplateError {
        TemplateError(character: character, found: found, expected: expected)
    }

    private mutating func enter() throws(TemplateError) {
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
        let start = position
        let term = try pipeline()
        try checkGroups(in: [term], from: start)
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

    // MARK: Values

    /// Commands with bars between: each gets what the one before gives as its last argument.
    private mutating func pipeline() throws(TemplateError) -> TemplateTerm {
        var term = try command(nil)
        while take(.symbol("|")) {
            guard case .word = next else { throw unexpected("a function behind |") }
            term = try command(term)
        }
        return term
    }

    private mutating func command(_ last: TemplateTerm?) throws(TemplateError) -> TemplateTerm {
        try enter()
        defer { depth -= 1 }
        switch next {
        case .word(let word) where word != "true" && word != "false":
            return try call(word, last)
        case .field(["Meta"]), .variable("", fields: ["Meta"]):
            position += 1
            guard let label = try operand() else { throw unexpected("the label behind .Meta") }
            return .metadata(label)
        default:
            guard let term = try operand() else { throw unexpected("a field, a function or a value") }
            return term
        }
    }

    private mutating func call(_ word: String, _ last: TemplateTerm?) throws(TemplateError) -> TemplateTerm {
        let start = position
        position += 1
        if word == "printf" { return try formatted(last) }
        guard let function = TemplateFunction(rawValue: word) else {
            position = start
            let known = TemplateFunction.allCases.map(\.rawValue) + ["printf"]
            throw unexpected("a function: \(known.sorted().joined(separator: ", "))")
        }
        let arguments = try operands() + (last.map { [$0] } ?? [])
        guard function.argumentCount.contains(arguments.count) else {
            position = start
            let count = function.argumentCount
            throw error(
                "\(arguments.count) arguments of \(word)",
                count.count == 1 ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)")
        }
        let looksInside = function == .index || function == .len
        try checkGroups(in: looksInside ? arguments.dropFirst() : arguments[...], from: start)
        return .call(function, arguments)
    }

    /// All groups together are no value that could be written.
    private mutating func checkGroups(in terms: ArraySlice<TemplateTerm>, from start: Int) throws(TemplateError) {
        for term in terms {
            guard case .groups = term else { continue }
            position = start
            throw error(".Group", ".Group.NAME or index .Group")
        }
    }

    private mutating func formatted(_ last: TemplateTerm?) throws(TemplateError) -> TemplateTerm {
        guard case .string(let text) = next else { throw unexpected("a format behind printf, written out") }
        let start = position
        position += 1
        let arguments = try operands() + (last.map { [$0] } ?? [])
        let format: PrintFormat
        do throws(PrintFormat.Mistake) {
            format = try PrintFormat(text)
        } catch {
            position = start
            throw self.error(error.found, error.expected)
        }
        guard format.argumentCount == arguments.count else {
            position = start
            throw error("\(arguments.count) values for \"\(text.prefix(40))\"", "\(format.argumentCount)")
        }
        try checkGroups(in: arguments[...], from: start)
        return .print(format, arguments)
    }

    private mutating func operands() throws(TemplateError) -> [TemplateTerm] {
        var operands: [TemplateTerm] = []
        while let operand = try operand() { operands.append(operand) }
        return operands
    }

    /// One value; nil, and nothing read, at the end of a command.
    private mutating func operand() throws(TemplateError) -> TemplateTerm? {
        switch next {
        case .string(let text):
            position += 1
            return .literal(.string(text))
        case .integer(let value):
            position += 1
            return .literal(.integer(value))
        case .word("true"), .word("false"):
            defer { position += 1 }
            return .literal(.boolean(next == .word("true")))
        case .word(let word):
            throw error(word, "a value; a function as an argument stands in brackets")
        case .field(let fields), .variable("", let fields): return try field(fields)
        case .variable(let name, let fields):
            guard fields.isEmpty, let known = locals.last(where: { $0.name == name }) else {
                throw unexpected("a variable declared with := before")
            }
            position += 1
            return .local(known.place)
        case .symbol("("):
            position += 1
            let term = try pipeline()
            guard take(.symbol(")")) else { throw unexpected(")") }
            return term
        default: return nil
        }
    }

    private mutating func field(_ fields: [String]) throws(TemplateError) -> TemplateTerm {
        let term: TemplateTerm
        if let field = TemplateField(rawValue: fields.joined(separator: ".")) {
            term = .field(field)
        } else if fields == ["Group"] {
            term = .groups
        } else if fields.count == 2, fields[0] == "Group" {
            guard names.groups.contains(fields[1]) else {
                throw unexpected(Self.one(of: names.groups, "a named group"))
            }
            term = .group(fields[1])
        } else if fields.count == 2, fields[0] == "Var" {
            guard let place = names.variables.lastIndex(of: fields[1]) else {
                throw unexpected(Self.one(of: Set(names.variables), "a var line"))
            }
            term = .variable(place)
        } else {
            let known = TemplateField.allCases.map(\.rawValue) + ["Group.NAME", "Meta \"LABEL\"", "Var.NAME"]
            throw unexpected("one of " + known.map { "." + $0 }.sorted().joined(separator: ", "))
        }
        position += 1
        return term
    }

    private static func one(of names: Set<String>, _ kind: String) -> String {
        names.isEmpty ? "\(kind) of this template, which has none"
            : "\(kind) of this template: \(names.sorted().joined(separator: ", "))"
    }
}
