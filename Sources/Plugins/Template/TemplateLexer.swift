/// Cuts a template into text and the words between its braces.
struct TemplateLexer {
    enum Lexeme: Equatable {
        case text(String)
        /// `{{` and `}}`.
        case open, close
        case word(String)
        /// A dot and the words behind it, with dots between; empty for the dot alone.
        case field([String])
        /// `$`, its name and the fields behind it.
        case variable(String, fields: [String])
        case string(String)
        case integer(Int)
        /// `(`, `)`, `|`, `,`, `:=` or `=`.
        case symbol(String)
        case end
    }

    struct Place: Equatable {
        let lexeme: Lexeme
        /// From 1 on.
        let character: Int
    }

    static let longest = 10_000

    private let scalars: [Unicode.Scalar]
    private var place = 0
    private var result: [Place] = []

    private init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    /// All of the template, an end behind it.
    static func lexemes(of text: String) throws(TemplateError) -> [Place] {
        var lexer = TemplateLexer(Array(text.unicodeScalars.prefix(longest + 1)))
        guard lexer.scalars.count <= longest else {
            throw TemplateError(
                character: longest + 1, found: "a longer template", expected: "at most \(longest) characters")
        }
        var trims = false
        while lexer.place < lexer.scalars.count { trims = try lexer.textAndAction(trimsStart: trims) }
        lexer.append(.end, from: lexer.place)
        return lexer.result
    }

    private func error(_ found: String, _ expected: String, at place: Int? = nil) -> TemplateError {
        TemplateError(character: (place ?? self.place) + 1, found: found, expected: expected)
    }

    private func looks(_ text: String, at distance: Int = 0) -> Bool {
        place + distance <= scalars.count && scalars[(place + distance)...].starts(with: text.unicodeScalars)
    }

    private var isAtSpace: Bool { place < scalars.count && scalars[place].properties.isWhitespace }

    private mutating func append(_ lexeme: Lexeme, from start: Int) {
        result.append(Place(lexeme: lexeme, character: start + 1))
    }

    /// Text up to the next braces, and what is in them; true when white space behind them is to be left out.
    private mutating func textAndAction(trimsStart: Bool) throws(TemplateError) -> Bool {
        let start = place
        while place < scalars.count, !looks("{{") { place += 1 }
        var text = scalars[start..<place]
        if trimsStart { text = text.drop { $0.properties.isWhitespace } }
        let opening = place
        let trimsEnd = looks("{{-") && place + 3 < scalars.count && scalars[place + 3].properties.isWhitespace
        if trimsEnd {
            while text.last?.properties.isWhitespace == true { text.removeLast() }
        }
        if !text.isEmpty { append(.text(String(String.UnicodeScalarView(text))), from: start) }
        guard place < scalars.count else { return false }
        place += trimsEnd ? 3 : 2
        if let trims = try comment(from: opening) { return trims }
        append(.open, from: opening)
        return try action(from: opening)
    }

    /// Skips a comment; nil when there is none.
    private mutating func comment(from opening: Int) throws(TemplateError) -> Bool? {
        let start = place
        while isAtSpace { place += 1 }
        guard looks("/*") else {
            place = start
            return nil
        }
        while place < scalars.count, !looks("*/") { place += 1 }
        guard place < scalars.count else { throw error("a comment without its end", "*/}} behind it", at: opening) }
        place += 2
        guard let trims = takeEnd() else { throw error("more behind a comment", "}} behind */") }
        return trims
    }

    /// Takes `}}` with the mark that trims before it; nil when something else stands here.
    private mutating func takeEnd() -> Bool? {
        let start = place
        while isAtSpace { place += 1 }
        let trims = place > start && looks("-}}")
        guard trims || looks("}}") else {
            place = start
            return nil
        }
        place += trims ? 3 : 2
        return trims
    }

    /// The words up to the closing braces.
    private mutating func action(from opening: Int) throws(TemplateError) -> Bool {
        while true {
            let end = place
            if let trims = takeEnd() {
                append(.close, from: end)
                return trims
            }
            while isAtSpace { place += 1 }
            guard place < scalars.count else { throw error("{{ without its end", "}} behind it", at: opening) }
            try word()
        }
    }

    private mutating func word() throws(TemplateError) {
        let start = place
        switch scalars[place] {
        case ".":
            // A dot alone is the question as a whole.
            if place + 1 < scalars.count, Self.isNameStart(scalars[place + 1]) {
                append(.field(fields()), from: start)
            } else {
                place += 1
                append(.field([]), from: start)
            }
        case "$":
            place += 1
            let name = self.name()
            append(.variable(name, fields: fields()), from: start)
        case "\"": append(.string(try quoted()), from: start)
        case "`": append(.string(try raw()), from: start)
        case "(", ")", "|", ",", "=":
            append(.symbol(String(scalars[place])), from: start)
            place += 1
        case ":" where looks(":="):
            append(.symbol(":="), from: start)
            place += 2
        case "0"..."9": append(.integer(try integer()), from: start)
        case "-" where place + 1 < scalars.count && ("0"..."9").contains(scalars[place + 1]):
            append(.integer(try integer()), from: start)
        case let scalar where Self.isNameStart(scalar): append(.word(name()), from: start)
        case let scalar: throw error("\(scalar)", "a field, a function, a value or }}")
        }
    }

    private static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar.properties.isAlphabetic
    }

    private mutating func name() -> String {
        let start = place
        while place < scalars.count, Self.isNameStart(scalars[place]) || ("0"..."9").contains(scalars[place]) {
            place += 1
        }
        return String(String.UnicodeScalarView(scalars[start..<place]))
    }

    /// `.a.b` as its words.
    private mutating func fields() -> [String] {
        var fields: [String] = []
        while looks("."), place + 1 < scalars.count, Self.isNameStart(scalars[place + 1]) {
            place += 1
            fields.append(name())
        }
        return fields
    }

    private mutating func integer() throws(TemplateError) -> Int {
        let start = place
        if looks("-") { place += 1 }
        while place < scalars.count, Self.isNameStart(scalars[place]) || ("0"..."9").contains(scalars[place]) {
            place += 1
        }
        let text = String(String.UnicodeScalarView(scalars[start..<place]))
        let value = text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
        guard let value else { throw error(text, "a whole number up to \(Int.max)", at: start) }
        return value
    }

    private mutating func raw() throws(TemplateError) -> String {
        let start = place
        place += 1
        while place < scalars.count, scalars[place] != "`" { place += 1 }
        guard place < scalars.count else { throw error("a string without its end", "a ` behind it", at: start) }
        place += 1
        return String(String.UnicodeScalarView(scalars[(start + 1)..<(place - 1)]))
    }

    private mutating func quoted() throws(TemplateError) -> String {
        let start = place
        place += 1
        var text = String.UnicodeScalarView()
        while place < scalars.count, scalars[place] != "\"", scalars[place] != "\n" {
            guard scalars[place] == "\\", place + 1 < scalars.count else {
                text.append(scalars[place])
                place += 1
                continue
            }
            let escapes: [Unicode.Scalar: Unicode.Scalar] = ["\\": "\\", "\"": "\"", "n": "\n", "t": "\t", "r": "\r"]
            guard let escaped = escapes[scalars[place + 1]] else {
                throw error("\\\(scalars[place + 1])", "an escape such as \\\\, \\\" or \\n")
            }
            text.append(escaped)
            place += 2
        }
        guard place < scalars.count, scalars[place] == "\"" else {
            throw error("a string without its end", "a \" behind it", at: start)
        }
        place += 1
        return String(text)
    }
}
