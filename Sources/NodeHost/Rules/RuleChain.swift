import CNetlink

/// A chain of nftables, as the kernel says it is.
struct RuleChain: Equatable {
    var family: UInt8
    var table: String
    var name: String
    /// Where packets come to it; nil for one that only other chains lead to.
    var hook: Hook?

    struct Hook: Equatable {
        var type: String
        var number: UInt32
        var priority: Int32
        /// What becomes of packets that no rule decides on.
        var policy: UInt32
    }

    /// Of a message NFT_MSG_NEWCHAIN; nil without a name.
    init?(_ message: NetlinkMessage) throws(NetlinkFault) {
        guard let family = message.body.first else { throw .truncated }
        let attributes = try AttributeList(message.body.dropFirst(4))
        guard let table = attributes.text(NFTA_CHAIN_TABLE), let name = attributes.text(NFTA_CHAIN_NAME) else {
            return nil
        }
        self.init(family: family, table: table, name: name)
        let place = try attributes.list(NFTA_CHAIN_HOOK)
        guard let number: UInt32 = place.number(NFTA_HOOK_HOOKNUM, .network),
            let priority: Int32 = place.number(NFTA_HOOK_PRIORITY, .network)
        else { return }
        hook = Hook(
            type: attributes.text(NFTA_CHAIN_TYPE) ?? "", number: number, priority: priority,
            policy: attributes.number(NFTA_CHAIN_POLICY, .network) ?? UInt32(NF_ACCEPT))
    }

    init(family: UInt8, table: String, name: String, hook: Hook? = nil) {
        self.family = family
        self.table = table
        self.name = name
        self.hook = hook
    }

    /// As administrators name it.
    var description: String { "\(tableDescription), chain \(name)" }

    var tableDescription: String {
        let words = [UInt8(NFPROTO_INET): "inet", UInt8(NFPROTO_IPV4): "ip", UInt8(NFPROTO_IPV6): "ip6"]
        return "table \(words[family] ?? "\(family)") \(table)"
    }

    /// True where packets that come to this node, or leave it, are filtered.
    var isFilter: Bool {
        guard let hook, hook.type == "filter" else { return false }
        return [NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6].contains(Int(family))
            && [NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT].contains { $0.rawValue == hook.number }
    }

    /// True where those that no rule takes are lost.
    var dropsByPolicy: Bool { hook?.policy == UInt32(NF_DROP) }
}
