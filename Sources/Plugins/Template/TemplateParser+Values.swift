import Expressions

// What stands for a value: pipelines, calls and fields.
extension TemplateParser {
    /// Commands with bars between: each gets what the one before gives as its last argument.
    mutating func pipeline(mayBeGroups: Bool = false) throws(TemplateError) -> TemplateTerm {
        let start = position
        var term = try command(nil)
        while take(.symbol("|")) {
            guard case .word = next else { throw unexpected("a function behind |") }
            term = try command(term)
        }
        if !mayBeGroups { try checkGroups(in: [term], from: start) }
        return term
    }

    private mutating func command(_ last: TemplateTerm?) throws(TemplateError) -> TemplateTerm {
        try enter()
        defer { depth -= 1 }
        switch next {
        case .word(let word) where word != "true" && word != "false":
            return try call(word, last)
        case .field(["Meta"]) where dot == .question, .variable("", fields: ["Meta"]):
            position += 1
            let start = position
            guard let label = try operand() else { throw unexpected("the label behind .Meta") }
            try checkGroups(in: [label], from: start)
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
        case .field(let fields): return try field(fields, of: dot)
        case .variable("", let fields): return try field(fields, of: .question)
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

    private mutating func field(_ words: [String], of dot: Dot) throws(TemplateError) -> TemplateTerm {
        let term: TemplateTerm
        var fields = words
        switch dot {
        case .question: break
        case .part(let outer): fields = outer + words
        case .value(let place):
            guard words.isEmpty else {
                throw unexpected("the dot alone: what stands here has no fields, $.NAME is the question's")
            }
            position += 1
            return .local(place)
        }
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
        names.isEmpty
            ? "\(kind) of this template, which has none"
            : "\(kind) of this template: \(names.sorted().joined(separator: ", "))"
    }

    /// What the dot is in the parts of `with`.
    ///
    /// - Parameter places: gets the place of the value, where it is one.
    mutating func dotOf(_ condition: TemplateTerm, _ places: inout [Int]) -> Dot {
        let place = newLocal()
        places.append(place)
        return .value(place)
    }
}
