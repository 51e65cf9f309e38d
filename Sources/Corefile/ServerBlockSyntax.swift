/// A server block as written: the keys it serves and its directives in file order.
package struct ServerBlockSyntax: Hashable, Sendable {
    package let keys: [ServerKey]
    package let directives: [Directive]
    package let at: SourcePosition

    package init(keys: [ServerKey], directives: [Directive], at: SourcePosition) {
        self.keys = keys
        self.directives = directives
        self.at = at
    }

    /// Every line of one directive, in file order.
    package func directives(named name: String) -> [Directive] {
        directives.filter { $0.name == name }
    }
}
