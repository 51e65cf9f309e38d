import CNetlink
import DNSWire
import Testing

@testable import NodeHost

@Suite("rules: what follows from those that are there") struct RulePlans {
    let settings = HostSettings(addresses: ["169.254.20.10", "10.96.0.10", "fd00::a"].compactMap { IPAddress($0) })

    /// What the kernel would list after a transaction.
    private func listed(_ requests: [NetlinkRequest]) throws -> [(chain: RuleChain, rules: [ListedRule])] {
        var result: [(chain: RuleChain, rules: [ListedRule])] = []
        for (number, request) in requests.enumerated() {
            var handle = AttributeWriter()
            handle.put(NFTA_RULE_HANDLE, UInt64(number), .network)
            let message = NetlinkMessage(type: 0, flags: 0, sequence: 0, body: (request.body + handle.octets)[...])
            if request.name == "NFT_MSG_NEWCHAIN", let chain = try RuleChain(message) { result.append((chain, [])) }
            if request.name == "NFT_MSG_NEWRULE", let rule = try ListedRule(message) {
                result[result.endIndex - 1].rules.insert(rule, at: 0)
            }
        }
        return result
    }

    private func plan(_ found: [(chain: RuleChain, rules: [ListedRule])]) -> RulePlan {
        var plan = RulePlan(settings)
        plan.compareOwn(found)
        return plan
    }

    @Test("what was put there is as it should be, and nothing follows") func twice() throws {
        let first = plan([])
        #expect(first.findings.map(\.description) == ["table inet cluster-dns-node: missing"])
        let found = try listed(first.requests)
        // Eight an address: two for questions, six for what the node sends.
        #expect(found.map(\.rules.count) == [6, 18])
        #expect(plan(found).findings == [])
        #expect(plan(found).requests == [])
    }

    @Test("a rule that is gone and one too many are found, and the table is replaced") func mended() throws {
        let whole = plan([]).requests
        var found = try listed(whole)
        found[1].rules.removeFirst()
        let verdict = ListedRule(
            table: settings.table, chain: "prerouting", handle: 1, expressions: [.verdict(NF_DROP)], comment: nil)
        found[0].rules.append(verdict)
        let mending = plan(found)
        #expect(
            mending.findings.map(\.what) == ["1 rules that do not belong there", "1 of 18 rules missing"])
        #expect(mending.requests == whole)
    }

    private func filter(_ family: Int, _ hook: nf_inet_hooks) -> RuleChain {
        RuleChain(
            family: UInt8(family), table: "filter", name: "INPUT",
            hook: .init(type: "filter", number: hook.rawValue, priority: 0, policy: UInt32(NF_DROP)))
    }

    @Test(
        "where a chain drops what no rule takes, questions or answers of its family are accepted",
        arguments: [
            (NFPROTO_IPV4, NF_INET_LOCAL_IN, 4), (NFPROTO_IPV6, NF_INET_LOCAL_IN, 2),
            (NFPROTO_INET, NF_INET_LOCAL_OUT, 6),
        ])
    func letThrough(_ family: Int, _ hook: nf_inet_hooks, _ count: Int) throws {
        var first = RulePlan(settings)
        first.letThrough(filter(family, hook), [])
        #expect(first.requests.count == count)
        let chain = RuleRequests(family: UInt8(family), table: "filter").make(filter(family, hook))
        let rules = try listed([chain] + first.requests)[0].rules
        var second = RulePlan(settings)
        second.letThrough(filter(family, hook), rules)
        #expect(second.findings == [])
        // As a tool writes them that asks in another order, counts, and keeps comments elsewhere.
        let rewritten = rules.map { rule in
            let ours = rule.expressions
            let turned =
                ours.dropLast().suffix(4) + ours.dropLast(5) + [.comment("cluster-dns-node"), .other("counter")]
            return ListedRule(
                table: rule.table, chain: rule.chain, handle: rule.handle, expressions: turned + ours.suffix(1),
                comment: rule.comment)
        }
        var third = RulePlan(settings)
        third.letThrough(filter(family, hook), rewritten)
        #expect(third.findings == [])
        var doubled = RulePlan(settings)
        doubled.letThrough(filter(family, hook), rules + rewritten)
        #expect(doubled.requests.map(\.name) == Array(repeating: "NFT_MSG_DELRULE", count: count))
        var leaving = RulePlan(settings)
        leaving.leave(filter(family, hook), rules)
        #expect(leaving.requests.count == count)
    }
}
