/// One word of a Corefile after substitution of environment variables.
package struct Token: Hashable, Sendable {
    package let text: String
    package let at: SourcePosition
    package let quoted: Bool

    package init(text: String, at: SourcePosition, quoted: Bool = false) {
        self.text = text
        self.at = at
        self.quoted = quoted
    }
}
