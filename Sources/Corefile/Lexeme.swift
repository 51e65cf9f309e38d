/// One word of a file before anything is substituted.
struct Lexeme {
    enum Kind {
        case word
        /// A lone `{` or `}`; only these have structure, `foo}` is a word.
        case open
        case close
    }

    let token: Token
    let kind: Kind
    /// A quote that the end of the file closed.
    let isUnterminated: Bool
    var startsLine: Bool

    init(_ text: String, at position: SourcePosition, quoted: Bool, startsLine: Bool, isUnterminated: Bool = false) {
        token = Token(text: text, at: position, quoted: quoted)
        kind = quoted ? .word : text == "{" ? .open : text == "}" ? .close : .word
        self.startsLine = startsLine
        self.isUnterminated = isUnterminated
    }

    var isImport: Bool { kind == .word && !token.quoted && token.text == "import" }
}
