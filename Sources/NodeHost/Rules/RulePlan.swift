import CNetlink
import DNSWire

/// What follows from the rules that a node has: what is wrong, and one transaction that puts it right.
struct RulePlan {
    private(set) var findings: [HostFinding] = []
    private(set) var requests: [NetlinkRequest] = []

    private let settings: HostSettings
    private var own: RuleRequests { RuleRequests(family: UInt8(NFPROTO_INET), table: settings.table) }

    init(_ settings: HostSettings) { self.settings = settings }

    /// The chains of the program's own table, with their rules: before connection tracking, on both ways.
    ///
    /// There are none that accept: an accept ends the way through its own chain alone, and the next table may drop the packet
    /// all the same. Packets are accepted where they would be dropped (`letThrough`).
    private var chains: [(chain: RuleChain, rules: [HostRule])] {
        [
            ("prerouting", NF_INET_PRE_ROUTING, settings.incoming),
            ("output", NF_INET_LOCAL_OUT, settings.untrackedOutgoing),
        ].map { name, hook, rules in
            let place = RuleChain.Hook(
                // The priority that nft calls raw: before connection tracking, at -200.
                type: "filter", number: hook.rawValue, priority: -300, policy: UInt32(NF_ACCEPT))
            return (RuleChain(family: own.family, table: own.table, name: name, hook: place), rules)
        }
    }

    func isOwn(_ chain: RuleChain) -> Bool { chain.family == own.family && chain.table == own.table }

    /// Has the program's own table replaced when anything in it is otherwise.
    mutating func compareOwn(_ found: [(chain: RuleChain, rules: [ListedRule])]) {
        let before = findings.count
        if found.isEmpty {
            let table = RuleChain(family: own.family, table: own.table, name: "").tableDescription
            findings.append(HostFinding(table, "missing"))
        } else {
            for (chain, rules) in chains { compare(chain, rules, with: found.first { $0.chain.name == chain.name }) }
            for (chain, _) in found where !chains.contains(where: { $0.chain.name == chain.name }) {
                findings.append(HostFinding(chain.description, "not one of this program's"))
            }
        }
        guard findings.count > before else { return }
        // Making it first lets it be removed whether it was there or not.
        requests += [own.makeTable, own.removeTable, own.makeTable]
        for (chain, rules) in chains {
            requests.append(own.make(chain))
            requests += rules.reversed().map {
                own.insert($0.expressions(in: own.family, ending: .noTrack), into: chain.name)
            }
        }
    }

    private mutating func compare(
        _ chain: RuleChain, _ rules: [HostRule], with found: (chain: RuleChain, rules: [ListedRule])?
    ) {
        guard let found, found.chain == chain else {
            return findings.append(
                HostFinding(chain.description, found == nil ? "missing" : "not where packets should come to it"))
        }
        let wanted = rules.map { ListedRule.meaning($0.expressions(in: chain.family, ending: .noTrack)) }
        note(
            chain, missing: wanted.filter { rule in !found.rules.contains { $0.meaning == rule } }.count,
            of: wanted.count)
        note(chain, other: found.rules.filter { !wanted.contains($0.meaning) }.count)
    }

    private mutating func note(_ chain: RuleChain, missing: Int, of all: Int) {
        if missing > 0 { findings.append(HostFinding(chain.description, "\(missing) of \(all) rules missing")) }
    }

    private mutating func note(_ chain: RuleChain, other: Int) {
        if other > 0 { findings.append(HostFinding(chain.description, "\(other) rules that do not belong there")) }
    }

    /// Accepts questions and answers in a chain of somebody else's that drops what no rule takes, before its other rules.
    ///
    /// Rules of this program are known by their comment. Chains that drop by a rule, not by policy, are left to whoever wrote
    /// them, and so are those of the old iptables, which nftables does not show.
    mutating func letThrough(_ chain: RuleChain, _ rules: [ListedRule]) {
        let isIncoming = chain.hook?.number == NF_INET_LOCAL_IN.rawValue
        let wanted = (isIncoming ? settings.incoming : settings.outgoing).filter { rule in
            switch Int(chain.family) {
            case NFPROTO_IPV4: rule.address.isIPv4
            case NFPROTO_IPV6: !rule.address.isIPv4
            default: true
            }
        }.map { $0.expressions(in: chain.family, ending: .verdict(NF_ACCEPT)) }
        let own = rules.filter { $0.comment == settings.table }
        let requests = RuleRequests(family: chain.family, table: chain.table)
        let missing = wanted.filter { rule in !own.contains { $0.meaning == ListedRule.meaning(rule) } }
        note(chain, missing: missing.count, of: wanted.count)
        self.requests += missing.reversed().map { requests.insert($0, into: chain.name, comment: settings.table) }
        // Twice the same is once too often.
        var seen = Set<Set<[RuleExpression]>>()
        let others = own.filter { rule in
            !wanted.contains { ListedRule.meaning($0) == rule.meaning } || !seen.insert(rule.meaning).inserted
        }
        note(chain, other: others.count)
        self.requests += others.map(requests.remove)
    }

    /// Takes the program's own rules out of somebody else's chain.
    mutating func leave(_ chain: RuleChain, _ rules: [ListedRule]) {
        let own = rules.filter { $0.comment == settings.table }
        guard !own.isEmpty else { return }
        findings.append(HostFinding(chain.description, "\(own.count) rules removed"))
        requests += own.map(RuleRequests(family: chain.family, table: chain.table).remove)
    }

    /// Takes the program's own table away, whether or not it is there.
    mutating func removeOwn(isThere: Bool) {
        if isThere {
            let table = RuleChain(family: own.family, table: own.table, name: "").tableDescription
            findings.append(HostFinding(table, "removed"))
        }
        requests += [own.makeTable, own.removeTable]
    }
}
