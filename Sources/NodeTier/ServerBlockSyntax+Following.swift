import Corefile

extension ServerBlockSyntax {
    /// The block with `follow` in its `cache` where it forwards over TCP alone, as node-cache's blocks for the cluster's
    /// names do: the cluster's DNS tells of changes there, if it can.
    var following: ServerBlockSyntax {
        let asksOverTCP = directives.contains { directive in
            directive.name == "forward" && directive.block.contains { $0.name == "force_tcp" }
        }
        guard asksOverTCP else { return self }
        let changed = directives.map { directive in
            guard directive.name == "cache", !directive.block.contains(where: { $0.name == "follow" }) else {
                return directive
            }
            let option = Directive(name: "follow", at: directive.at, outermost: "cache")
            return Directive(
                name: directive.name, at: directive.at, arguments: directive.arguments,
                block: directive.block + [option],
                hasBlock: true)
        }
        return ServerBlockSyntax(keys: keys, directives: changed, at: at)
    }
}
