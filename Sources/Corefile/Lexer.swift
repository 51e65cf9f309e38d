/// Cuts the text of one file into words. Nothing here depends on what the words mean.
struct Lexer {
    private let file: String
    private var line = 1
    private var word = String.UnicodeScalarView()
    private var wordLine = 1
    private var startsLine = true
    private var lexemes: [Lexeme] = []

    /// The words of a text, or what shows that it is no text.
    static func lexemes(of text: String, file: String) throws(ConfigurationError) -> [Lexeme] {
        var lexer = Lexer(file: file)
        try lexer.run(text)
        return lexer.lexemes
    }

    private init(file: String) {
        self.file = file
    }

    private mutating func run(_ text: String) throws(ConfigurationError) {
        var scalars = text.unicodeScalars[...]
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        while let scalar = scalars.popFirst() {
            if scalar == "\r" { continue }
            if scalar.properties.isWhitespace {
                endWord()
                if scalar == "\n" { endLine() }
            } else if scalar == "#" {
                endWord()
                scalars = scalars.drop { $0 != "\n" }
            } else if scalar == "\"", word.isEmpty {
                try quotedWord(&scalars)
            } else {
                try check(scalar)
                if word.isEmpty { wordLine = line }
                word.append(scalar)
            }
        }
        endWord()
    }

    /// Only `\"` is an escape, so that regular expressions need no doubled backslashes. Line ends belong to the word.
    private mutating func quotedWord(_ scalars: inout Substring.UnicodeScalarView) throws(ConfigurationError) {
        wordLine = line
        var isEscaped = false
        while let scalar = scalars.popFirst() {
            if scalar == "\n" { line += 1 }
            if isEscaped {
                if scalar != "\"" { word.append("\\") }
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
                continue
            } else if scalar == "\"" {
                append(quoted: true)
                return
            }
            try check(scalar)
            word.append(scalar)
        }
        append(quoted: true, isUnterminated: true)
    }

    private mutating func endWord() {
        if !word.isEmpty { append(quoted: false) }
    }

    private mutating func endLine() {
        line += 1
        startsLine = true
    }

    private mutating func append(quoted: Bool, isUnterminated: Bool = false) {
        lexemes.append(
            Lexeme(
                String(word), at: SourcePosition(file: file, line: wordLine), quoted: quoted, startsLine: startsLine,
                isUnterminated: isUnterminated))
        word = String.UnicodeScalarView()
        startsLine = false
    }

    /// Outside of comments nothing but text has a meaning; U+FFFD is what bytes that are not UTF-8 become.
    private func check(_ scalar: Unicode.Scalar) throws(ConfigurationError) {
        let isSpace = scalar.properties.isWhitespace
        let isControl = scalar.value < 0x20 && !isSpace || scalar.value == 0x7F
        guard isControl || scalar == "\u{FFFD}" else { return }
        let hex = String(scalar.value, radix: 16, uppercase: true)
        let control = "the control character U+00" + (hex.utf8.count == 1 ? "0" : "") + hex
        throw ConfigurationError(
            at: SourcePosition(file: file, line: line), directive: "file",
            found: isControl ? control : "bytes that are not UTF-8", expected: "text in UTF-8")
    }
}
