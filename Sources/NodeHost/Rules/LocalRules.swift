import CNetlink

/// The rules by which packets of the node's own addresses are neither tracked as connections, and so not sent elsewhere by
/// kube-proxy, nor dropped by the node's filter.
///
/// They stand in a table of nftables that nobody else writes, so no lock is shared; what the node's filter needs stands in
/// its own chains, under a comment.
package struct LocalRules: HostPart {
    private let settings: HostSettings

    package init(_ settings: HostSettings) { self.settings = settings }

    private var place: String { "nftables" }

    package func findings() throws(HostError) -> [HostFinding] {
        var socket = try NetlinkSocket(.netfilter, place: place)
        return try plan(&socket).findings
    }

    package func putRight() throws(HostError) -> [HostFinding] {
        var socket = try NetlinkSocket(.netfilter, place: place)
        let plan = try plan(&socket)
        try socket.transact(plan.requests)
        return plan.findings
    }

    package func remove() throws(HostError) -> [HostFinding] {
        var socket = try NetlinkSocket(.netfilter, place: place)
        var plan = RulePlan(settings)
        let chains = try chains(&socket)
        for chain in chains where chain.isFilter && !plan.isOwn(chain) { plan.leave(chain, try rules(chain, &socket)) }
        plan.removeOwn(isThere: chains.contains(where: plan.isOwn))
        try socket.transact(plan.requests)
        return plan.findings
    }

    private func plan(_ socket: inout NetlinkSocket) throws(HostError) -> RulePlan {
        var plan = RulePlan(settings)
        let chains = try chains(&socket)
        var own: [(chain: RuleChain, rules: [ListedRule])] = []
        for chain in chains where plan.isOwn(chain) { own.append((chain, try rules(chain, &socket))) }
        plan.compareOwn(own)
        for chain in chains where chain.isFilter && chain.dropsByPolicy && !plan.isOwn(chain) {
            plan.letThrough(chain, try rules(chain, &socket))
        }
        return plan
    }

    /// All chains of the node.
    private func chains(_ socket: inout NetlinkSocket) throws(HostError) -> [RuleChain] {
        let request = RuleRequests(family: UInt8(NFPROTO_UNSPEC), table: settings.table).chains
        let messages = try socket.list(request)
        do throws(NetlinkFault) {
            var result: [RuleChain] = []
            for message in messages { if let chain = try RuleChain(message) { result.append(chain) } }
            return result
        } catch {
            throw HostError(error, call: request.name, place: place)
        }
    }

    private func rules(_ chain: RuleChain, _ socket: inout NetlinkSocket) throws(HostError) -> [ListedRule] {
        let request = RuleRequests(family: chain.family, table: chain.table).rules(in: chain.name)
        let messages = try socket.list(request)
        do throws(NetlinkFault) {
            var result: [ListedRule] = []
            for message in messages {
                // Old kernels list more than was asked for.
                guard let rule = try ListedRule(message), rule.table == chain.table, rule.chain == chain.name else {
                    continue
                }
                result.append(rule)
            }
            return result
        } catch {
            throw HostError(error, call: request.name, place: chain.description)
        }
    }
}
