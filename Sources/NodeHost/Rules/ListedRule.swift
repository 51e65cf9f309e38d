import CNetlink

/// A rule of nftables, as the kernel says it is.
struct ListedRule: Equatable {
    let table: String
    let chain: String
    let handle: UInt64
    let expressions: [RuleExpression]
    /// As `nft` keeps it, or as `iptables` does.
    let comment: String?

    /// What a rule matches and does, whatever the order in which it asks: tools that save rules write them anew in their own
    /// way.
    static func meaning(_ expressions: [RuleExpression]) -> Set<[RuleExpression]> {
        // Each comparison together with what it compares.
        var result: [[RuleExpression]] = [[]]
        for expression in expressions {
            switch expression {
            case .comment, .other("counter"): continue
            default: result[result.endIndex - 1].append(expression)
            }
            if case .equals = expression { result.append([]) }
        }
        return Set(result)
    }

    var meaning: Set<[RuleExpression]> { Self.meaning(expressions) }

    /// Of a message NFT_MSG_NEWRULE; nil without a place.
    init?(_ message: NetlinkMessage) throws(NetlinkFault) {
        let attributes = try AttributeList(message.body.dropFirst(4))
        guard let table = attributes.text(NFTA_RULE_TABLE), let chain = attributes.text(NFTA_RULE_CHAIN),
            let handle: UInt64 = attributes.number(NFTA_RULE_HANDLE, .network)
        else { return nil }
        var expressions: [RuleExpression] = []
        for element in try attributes.list(NFTA_RULE_EXPRESSIONS).all {
            expressions.append(try RuleExpression(element.value))
        }
        self.init(
            table: table, chain: chain, handle: handle, expressions: expressions,
            comment: attributes[NFTA_RULE_USERDATA].flatMap(RuleComment.text)
                ?? expressions.lazy.compactMap(\.comment).first)
    }

    init(table: String, chain: String, handle: UInt64, expressions: [RuleExpression], comment: String?) {
        self.table = table
        self.chain = chain
        self.handle = handle
        self.expressions = expressions
        self.comment = comment
    }
}

/// A comment in the form that `nft` and `iptables` share: kind 0, length, text with the zero that ends it.
enum RuleComment {
    static func octets(_ text: String) -> [UInt8] {
        let octets = Array(text.utf8.prefix(128)) + [0]
        return [0, UInt8(truncatingIfNeeded: octets.count)] + octets
    }

    static func text(_ userData: ArraySlice<UInt8>) -> String? {
        var rest = userData
        while let kind = rest.popFirst(), let length = rest.popFirst() {
            guard Int(length) <= rest.count else { return nil }
            if kind == 0 { return String(decoding: rest.prefix(Int(length)).prefix { $0 != 0 }, as: UTF8.self) }
            rest = rest.dropFirst(Int(length))
        }
        return nil
    }
}
