import CNetlink

/// Requests of nf_tables about one table.
struct RuleRequests {
    let family: UInt8
    let table: String

    private func request(
        _ name: String, _ message: nf_tables_msg_types, flags: Int32 = 0, in chain: String? = nil,
        _ write: (inout AttributeWriter) -> Void
    ) -> NetlinkRequest {
        var writer = AttributeWriter()
        write(&writer)
        let place = RuleChain(family: family, table: table, name: chain ?? "")
        return NetlinkRequest(
            name: name, place: chain == nil ? place.tableDescription : place.description,
            type: UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(truncatingIfNeeded: message.rawValue), flags: flags,
            // Family, version, and a number that means something in batches only.
            body: [family, UInt8(NFNETLINK_V0), 0, 0] + writer.octets)
    }

    var makeTable: NetlinkRequest {
        request("NFT_MSG_NEWTABLE", NFT_MSG_NEWTABLE, flags: NLM_F_CREATE) { $0.put(NFTA_TABLE_NAME, text: table) }
    }

    /// Refused where there is none.
    var removeTable: NetlinkRequest {
        request("NFT_MSG_DELTABLE", NFT_MSG_DELTABLE) { $0.put(NFTA_TABLE_NAME, text: table) }
    }

    func make(_ chain: RuleChain) -> NetlinkRequest {
        request("NFT_MSG_NEWCHAIN", NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE, in: chain.name) { writer in
            writer.put(NFTA_CHAIN_TABLE, text: table)
            writer.put(NFTA_CHAIN_NAME, text: chain.name)
            guard let hook = chain.hook else { return }
            writer.nest(NFTA_CHAIN_HOOK) {
                $0.put(NFTA_HOOK_HOOKNUM, hook.number, .network)
                $0.put(NFTA_HOOK_PRIORITY, hook.priority, .network)
            }
            writer.put(NFTA_CHAIN_POLICY, hook.policy, .network)
            writer.put(NFTA_CHAIN_TYPE, text: hook.type)
        }
    }

    /// Puts a rule before all others of a chain.
    func insert(_ expressions: [RuleExpression], into chain: String, comment: String? = nil) -> NetlinkRequest {
        request("NFT_MSG_NEWRULE", NFT_MSG_NEWRULE, flags: NLM_F_CREATE, in: chain) { writer in
            writer.put(NFTA_RULE_TABLE, text: table)
            writer.put(NFTA_RULE_CHAIN, text: chain)
            writer.nest(NFTA_RULE_EXPRESSIONS) { list in
                for expression in expressions { expression.write(to: &list) }
            }
            if let comment { writer.put(NFTA_RULE_USERDATA, RuleComment.octets(comment)) }
        }
    }

    func remove(_ rule: ListedRule) -> NetlinkRequest {
        request("NFT_MSG_DELRULE", NFT_MSG_DELRULE, in: rule.chain) { writer in
            writer.put(NFTA_RULE_TABLE, text: table)
            writer.put(NFTA_RULE_CHAIN, text: rule.chain)
            writer.put(NFTA_RULE_HANDLE, rule.handle, .network)
        }
    }

    /// All chains of the family, of every table.
    var chains: NetlinkRequest { request("NFT_MSG_GETCHAIN", NFT_MSG_GETCHAIN) { _ in } }

    func rules(in chain: String) -> NetlinkRequest {
        request("NFT_MSG_GETRULE", NFT_MSG_GETRULE, in: chain) { writer in
            writer.put(NFTA_RULE_TABLE, text: table)
            writer.put(NFTA_RULE_CHAIN, text: chain)
        }
    }
}
