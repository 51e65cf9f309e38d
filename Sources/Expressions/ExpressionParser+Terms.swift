// Values, names, calls and brackets.
extension ExpressionParser {
    mutating func term() throws(ExpressionError) -> Part {
        let lexeme = next
        switch lexeme.kind {
        case .integer(let value):
            skip()
            return try part(.literal(.integer(value)), .integer, at: lexeme.column)
        case .string(let text):
            skip()
            return try part(.literal(.string(text)), .string, at: lexeme.column)
        case .name(let name):
            skip()
            return try named(name, at: lexeme)
        case .symbol("("):
            skip()
            let inner = try expression()
            try expect(")")
            return inner
        case .symbol("["):
            skip()
            return try list(at: lexeme.column)
        case .symbol("#") where predicates > 0:
            skip()
            return try part(.element, .unknown, at: lexeme.column)
        default:
            throw unexpected("a value, a function or a bracket")
        }
    }

    private mutating func list(at column: Int) throws(ExpressionError) -> Part {
        let elements = try arguments(until: "]")
        return try part(.list(elements.map(\.syntax)), .list, at: column, over: elements)
    }

    /// Expressions with commas between, up to a bracket that is taken.
    private mutating func arguments(until end: String) throws(ExpressionError) -> [Part] {
        var parts: [Part] = []
        while !take(end) {
            if !parts.isEmpty { try expect(",", ", or \(end)") }
            parts.append(try expression())
        }
        return parts
    }

    private mutating func named(_ name: String, at lexeme: ExpressionLexer.Lexeme) throws(ExpressionError) -> Part {
        if name == "true" || name == "false" {
            return try part(.literal(.boolean(name == "true")), .boolean, at: lexeme.column)
        }
        if let place = names.variables.lastIndex(where: { $0.name == name }) {
            return try part(.variable(place), names.variables[place].type, at: lexeme.column)
        }
        if let place = names.functions.firstIndex(where: { $0.name == name }) {
            let function = names.functions[place]
            let parts = try call(name, function.parameters)
            return try part(
                .function(place, parts.map(\.syntax)), function.result, at: lexeme.column, over: parts)
        }
        guard let builtin = ExpressionBuiltin(rawValue: name) else {
            let known = names.functions.map(\.name) + names.variables.map(\.name)
            throw ExpressionError(
                column: lexeme.column, found: name,
                expected: "a function or variable: \(known.sorted().joined(separator: ", "))")
        }
        let parts = try builtin.hasPredicate ? predicate(name) : call(name, builtin.parameters)
        if builtin == .len, let only = parts.first, only.type == .integer || only.type == .boolean {
            try check(only, .string, for: name)
        }
        return try part(.builtin(builtin, parts.map(\.syntax)), builtin.result, at: lexeme.column, over: parts)
    }

    private mutating func call(_ name: String, _ parameters: [ExpressionType]) throws(ExpressionError) -> [Part] {
        try expect("(", "( behind \(name)")
        let column = next.column
        let parts = try arguments(until: ")")
        guard parts.count == parameters.count else {
            throw ExpressionError(
                column: column, found: "\(parts.count) arguments of \(name)", expected: "\(parameters.count)")
        }
        for (part, type) in zip(parts, parameters) { try check(part, type, for: name) }
        return parts
    }

    /// A list, and what is asked about each of its elements, in braces or without.
    private mutating func predicate(_ name: String) throws(ExpressionError) -> [Part] {
        try expect("(", "( behind \(name)")
        let list = try expression()
        try check(list, .list, for: name)
        try expect(",", ", and what is asked about #")
        predicates += 1
        let isBraced = take("{")
        let body = try expression()
        try check(body, .boolean, for: name)
        if isBraced { try expect("}") }
        predicates -= 1
        try expect(")")
        return [list, body]
    }
}
