/// Cuts the text of an expression into words.
struct ExpressionLexer {
    struct Lexeme: Equatable {
        enum Kind: Equatable {
            case name(String)
            case integer(Int)
            case string(String)
            /// An operator or a bracket, and the words that are operators.
            case symbol(String)
            case end
        }

        let kind: Kind
        /// From 1 on.
        let column: Int
    }

    static let longest = 10_000
    /// Words that are no names.
    static let words: Set<String> = [
        "and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith", "true", "false", "nil", "let", "if",
        "else",
    ]
    private static let operators: Set<String> = [
        "and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith",
    ]
    private static let symbols = ["==", "!=", "<=", ">=", "&&", "||"] + "<>!+-*%()[]{},?:#".map(String.init)

    private let scalars: [Unicode.Scalar]
    private var place = 0

    private init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    /// All words, an end behind them.
    static func lexemes(of text: String) throws(ExpressionError) -> [Lexeme] {
        var lexer = ExpressionLexer(Array(text.unicodeScalars.prefix(longest + 1)))
        guard lexer.scalars.count <= longest else {
            throw ExpressionError(
                column: longest + 1, found: "a longer expression", expected: "at most \(longest) characters")
        }
        var result: [Lexeme] = []
        while let lexeme = try lexer.next() { result.append(lexeme) }
        return result + [Lexeme(kind: .end, column: lexer.place + 1)]
    }

    private func peek(_ distance: Int = 0) -> Unicode.Scalar? {
        place + distance < scalars.count ? scalars[place + distance] : nil
    }

    private mutating func next() throws(ExpressionError) -> Lexeme? {
        while let scalar = peek(), scalar.properties.isWhitespace { place += 1 }
        guard let scalar = peek() else { return nil }
        let column = place + 1
        switch scalar {
        case "0"..."9": return Lexeme(kind: .integer(try integer()), column: column)
        case "'", "\"": return Lexeme(kind: .string(try quoted(scalar)), column: column)
        case "`": return Lexeme(kind: .string(try raw()), column: column)
        case _ where Self.isNameStart(scalar): return Lexeme(kind: name(), column: column)
        default: break
        }
        for symbol in Self.symbols where scalars[place...].starts(with: symbol.unicodeScalars) {
            place += symbol.unicodeScalars.count
            return Lexeme(kind: .symbol(symbol), column: column)
        }
        throw error("\(scalar)", "a name, a value or an operator")
    }

    private func error(_ found: String, _ expected: String, at column: Int? = nil) -> ExpressionError {
        ExpressionError(column: column ?? place + 1, found: found, expected: expected)
    }

    private static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        isNameStart(scalar) || ("0"..."9").contains(scalar)
    }

    private mutating func name() -> Lexeme.Kind {
        let start = place
        while let scalar = peek(), Self.isNamePart(scalar) { place += 1 }
        let text = String(String.UnicodeScalarView(scalars[start..<place]))
        return Self.operators.contains(text) ? .symbol(text) : .name(text)
    }

    private mutating func integer() throws(ExpressionError) -> Int {
        let start = place
        while let scalar = peek(), Self.isNamePart(scalar) || scalar == "." { place += 1 }
        let text = String(String.UnicodeScalarView(scalars[start..<place]))
        let digits = text.replacing("_", with: "")
        let value = digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits)
        guard let value else { throw error(text, "a whole number up to \(Int.max)", at: start + 1) }
        return value
    }

    private mutating func raw() throws(ExpressionError) -> String {
        let start = place
        place += 1
        while let scalar = peek(), scalar != "`" { place += 1 }
        guard peek() != nil else { throw error("a string without its end", "a ` behind it", at: start + 1) }
        place += 1
        return String(String.UnicodeScalarView(scalars[(start + 1)..<(place - 1)]))
    }

    private mutating func quoted(_ quote: Unicode.Scalar) throws(ExpressionError) -> String {
        let start = place
        place += 1
        var text = String.UnicodeScalarView()
        while let scalar = peek(), scalar != quote {
            place += 1
            text.append(scalar == "\\" ? try escaped() : scalar)
        }
        guard peek() != nil else { throw error("a string without its end", "a \(quote) behind it", at: start + 1) }
        place += 1
        return String(text)
    }

    /// What stands behind a backslash.
    private mutating func escaped() throws(ExpressionError) -> Unicode.Scalar {
        let column = place
        guard let letter = peek() else { throw error("a \\ at the end", "what it escapes", at: column) }
        place += 1
        switch letter {
        case "\\", "'", "\"", "`": return letter
        case "a": return "\u{7}"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{B}"
        case "x": return try hexadecimal(2, at: column)
        case "u": return try hexadecimal(4, at: column)
        case "U": return try hexadecimal(8, at: column)
        default: throw error("\\\(letter)", "an escape such as \\\\, \\' or \\n", at: column)
        }
    }

    private mutating func hexadecimal(_ count: Int, at column: Int) throws(ExpressionError) -> Unicode.Scalar {
        let digits = String(String.UnicodeScalarView(scalars[place...].prefix(count)))
        guard digits.unicodeScalars.count == count, !digits.hasPrefix("+"), let value = UInt32(digits, radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw error("\\ and \(digits)", "\(count) hexadecimal digits of a character", at: column) }
        place += count
        return scalar
    }
}
