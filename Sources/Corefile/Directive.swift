/// One line of a server block, with the block of lines it may own. A line inside of such a block is a directive too.
package struct Directive: Hashable, Sendable {
    package let name: String
    package let at: SourcePosition
    package let arguments: [Token]
    package let block: [Directive]
    /// Tells `errors { }` from `errors`.
    package let hasBlock: Bool
    /// The directive at server block level this line belongs to, which errors name; itself at that level.
    package let outermost: String
    /// Whether this line stands inside of another directive's block.
    package let isProperty: Bool

    package init(
        name: String,
        at: SourcePosition,
        arguments: [Token] = [],
        block: [Directive] = [],
        hasBlock: Bool = false,
        outermost: String? = nil
    ) {
        self.name = name
        self.at = at
        self.arguments = arguments
        self.block = block
        self.hasBlock = hasBlock
        self.outermost = outermost ?? name
        isProperty = outermost != nil
    }

    /// The arguments as plain text.
    package var words: [String] { arguments.map(\.text) }
}
