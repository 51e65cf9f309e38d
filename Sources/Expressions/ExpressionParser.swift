import Patterns

/// Reads an expression of the expr language, as far as questions need it, and checks its types.
struct ExpressionParser {
    /// A part of the tree and what is known of its value.
    struct Part {
        let syntax: ExpressionSyntax
        let type: ExpressionType
        let column: Int
        /// How many parts lie one in another, this one counted: what evaluation will have to recurse.
        let depth: Int
    }

    static let deepest = 200

    let names: ExpressionNames
    private let lexemes: [ExpressionLexer.Lexeme]
    private var position = 0
    /// Brackets, operators and predicates open at this place.
    private var open = 0
    /// Predicates around this place: `#` stands only inside of one.
    var predicates = 0

    init(_ text: String, names: ExpressionNames) throws(ExpressionError) {
        self.names = names
        lexemes = try ExpressionLexer.lexemes(of: text)
    }

    mutating func parse() throws(ExpressionError) -> Part {
        let part = try expression()
        guard next.kind == .end else { throw unexpected("an operator or the end") }
        return part
    }

    // MARK: Words

    var next: ExpressionLexer.Lexeme { lexemes[min(position, lexemes.count - 1)] }

    mutating func skip() { position += 1 }

    mutating func take(_ symbol: String) -> Bool {
        guard next.kind == .symbol(symbol) else { return false }
        skip()
        return true
    }

    mutating func expect(_ symbol: String, _ meaning: String? = nil) throws(ExpressionError) {
        guard take(symbol) else { throw unexpected(meaning ?? symbol) }
    }

    func unexpected(_ expected: String) -> ExpressionError {
        let found =
            switch next.kind {
            case .name(let text), .symbol(let text): text
            case .integer(let value): String(value)
            case .string(let text): "'\(text.prefix(40))'"
            case .end: "the end"
            }
        return ExpressionError(column: next.column, found: found, expected: expected)
    }

    func part(
        _ syntax: ExpressionSyntax, _ type: ExpressionType, at column: Int, over parts: [Part] = []
    ) throws(ExpressionError) -> Part {
        let depth = (parts.map(\.depth).max() ?? 0) + 1
        guard depth <= Self.deepest else { throw tooDeep(column) }
        return Part(syntax: syntax, type: type, column: column, depth: depth)
    }

    private func tooDeep(_ column: Int) -> ExpressionError {
        ExpressionError(
            column: column, found: "parts nested deeper", expected: "at most \(Self.deepest) levels, one in another")
    }

    func check(_ part: Part, _ type: ExpressionType, for user: String) throws(ExpressionError) {
        guard part.type.mayBe(type) else {
            throw ExpressionError(
                column: part.column, found: part.type.description, expected: "\(type.description) for \(user)")
        }
    }

    // MARK: Operators

    /// A whole expression, `a ? b : c` included.
    mutating func expression() throws(ExpressionError) -> Part {
        open += 1
        defer { open -= 1 }
        guard open <= Self.deepest else { throw tooDeep(next.column) }
        let condition = try operation(above: 0)
        guard take("?") else { return condition }
        try check(condition, .boolean, for: "?")
        let yes = try expression()
        try expect(":", ": and the value for false")
        let no = try expression()
        let type = yes.type == no.type ? yes.type : .unknown
        return try part(
            .choice(condition.syntax, yes.syntax, no.syntax), type, at: condition.column, over: [condition, yes, no])
    }

    /// Operators that bind at least as close as `precedence`; of equal ones the left comes first.
    mutating func operation(above precedence: Int) throws(ExpressionError) -> Part {
        var left = try unary()
        while true {
            if precedence <= 10, next.kind == .symbol("||") || next.kind == .symbol("or") {
                left = try chain(left, ["||", "or"], precedence: 10) { .or($0) }
            } else if precedence <= 15, next.kind == .symbol("&&") || next.kind == .symbol("and") {
                left = try chain(left, ["&&", "and"], precedence: 15) { .and($0) }
            } else if precedence <= 20, let word = negatedWord {
                skip()
                let inner = try comparison(left, word)
                left = try part(.not(inner.syntax), .boolean, at: inner.column, over: [inner])
            } else if case .symbol(let word) = next.kind, binds(word, precedence) {
                left = try comparison(left, word)
            } else {
                return left
            }
        }
    }

    private func binds(_ word: String, _ precedence: Int) -> Bool {
        if word == "matches" { return precedence <= 20 }
        return ExpressionOperator(rawValue: word).map { $0.precedence >= precedence } ?? false
    }

    /// `in`, `matches` and the like behind a `not` at this place.
    private var negatedWord: String? {
        guard next.kind == .symbol("not"), position + 1 < lexemes.count,
            case .symbol(let word) = lexemes[position + 1].kind,
            ["in", "matches", "contains", "startsWith", "endsWith"].contains(word)
        else { return nil }
        return word
    }

    /// Many alternatives are one level, not as many as there are of them.
    private mutating func chain(
        _ first: Part, _ symbols: [String], precedence: Int, _ make: ([ExpressionSyntax]) -> ExpressionSyntax
    ) throws(ExpressionError) -> Part {
        try check(first, .boolean, for: symbols[0])
        var parts = [first]
        while symbols.contains(where: { next.kind == .symbol($0) }) {
            skip()
            let operand = try operation(above: precedence + 1)
            try check(operand, .boolean, for: symbols[0])
            parts.append(operand)
        }
        return try part(make(parts.map(\.syntax)), .boolean, at: first.column, over: parts)
    }

    private mutating func comparison(_ left: Part, _ word: String) throws(ExpressionError) -> Part {
        skip()
        guard let operation = ExpressionOperator(rawValue: word) else { return try match(left) }
        let right = try self.operation(above: operation.precedence + 1)
        let type = try resultType(operation, left, right)
        return try part(
            .binary(operation, left.syntax, right.syntax), type, at: left.column, over: [left, right])
    }

    private mutating func match(_ left: Part) throws(ExpressionError) -> Part {
        try check(left, .string, for: "matches")
        let column = next.column
        // Written out, so that it is made once and not from what a client sends.
        guard case .string(let text) = next.kind else { throw unexpected("a regular expression as a string") }
        skip()
        let pattern: Pattern
        do throws(PatternError) {
            pattern = try Pattern(text)
        } catch {
            let found = "a regular expression with \(error.found) at its character \(error.position)"
            throw ExpressionError(column: column, found: found, expected: error.expected)
        }
        return try part(.matches(left.syntax, pattern), .boolean, at: left.column, over: [left])
    }

    private func resultType(
        _ operation: ExpressionOperator, _ left: Part, _ right: Part
    ) throws(ExpressionError) -> ExpressionType {
        let user = operation.rawValue
        switch operation {
        case .equal, .notEqual: try check(right, left.type, for: user)
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .plus:
            for side in [left, right] where side.type != .string { try check(side, .integer, for: user) }
            try check(right, left.type, for: user)
            if operation == .plus { return left.type == .unknown ? right.type : left.type }
        case .minus, .times, .remainder:
            for side in [left, right] { try check(side, .integer, for: user) }
            return .integer
        case .in: try check(right, .list, for: user)
        case .contains, .startsWith, .endsWith:
            for side in [left, right] { try check(side, .string, for: user) }
        }
        return .boolean
    }

    private mutating func unary() throws(ExpressionError) -> Part {
        open += 1
        defer { open -= 1 }
        let column = next.column
        guard open <= Self.deepest else { throw tooDeep(column) }
        if take("!") || take("not") {
            let inner = try operation(above: 50)
            try check(inner, .boolean, for: "not")
            return try part(.not(inner.syntax), .boolean, at: column, over: [inner])
        }
        if take("-") {
            let inner = try operation(above: 90)
            try check(inner, .integer, for: "-")
            return try part(.negative(inner.syntax), .integer, at: column, over: [inner])
        }
        return try indexed(try term())
    }

    /// `list[0]`, as often as it stands there.
    private mutating func indexed(_ first: Part) throws(ExpressionError) -> Part {
        var result = first
        while take("[") {
            try check(result, .list, for: "[ ]")
            let index = try expression()
            try check(index, .integer, for: "[ ]")
            try expect("]")
            result = try part(
                .index(result.syntax, index.syntax), .unknown, at: result.column, over: [result, index])
        }
        return result
    }
}
