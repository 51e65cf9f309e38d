import CNetlink
import DNSWire
import Testing

@testable import NodeHost

@Suite("netlink: messages there and back") struct NetlinkMessages {
    static let settings = HostSettings(addresses: ["169.254.20.10", "fd00::a"].compactMap { IPAddress($0) })

    /// A request as the kernel would list it.
    private func listed(_ request: NetlinkRequest) throws -> NetlinkMessage {
        try #require(try NetlinkMessage.all(in: request.octets(sequence: 7)[...]).first)
    }

    /// What the kernel answers to a request that it has done, or not.
    private func answer(_ code: Int32, flags: Int32 = NLM_F_CAPPED, _ rest: [UInt8] = []) -> NetlinkMessage {
        let body = ByteOrder.machine.octets(code) + [UInt8](repeating: 0, count: 16) + rest
        return NetlinkMessage(
            type: UInt16(NLMSG_ERROR), flags: UInt16(flags), sequence: 1, body: body[...])
    }

    @Test("a rule is read as it was written", arguments: [NFPROTO_INET, NFPROTO_IPV4])
    func rules(_ family: Int) throws {
        let requests = RuleRequests(family: UInt8(family), table: "t")
        for rule in Self.settings.untrackedOutgoing {
            for ending in [RuleExpression.noTrack, .verdict(NF_ACCEPT)] {
                let expressions = rule.expressions(in: UInt8(family), ending: ending)
                var body = try listed(requests.insert(expressions, into: "c", comment: "ours")).body
                // The kernel adds the number of the rule.
                var handle = AttributeWriter()
                handle.put(NFTA_RULE_HANDLE, UInt64(9), .network)
                body += handle.octets
                let message = NetlinkMessage(type: 0, flags: 0, sequence: 0, body: body)
                let wanted = ListedRule(
                    table: "t", chain: "c", handle: 9, expressions: expressions, comment: "ours")
                #expect(try ListedRule(message) == wanted)
            }
        }
    }

    @Test("a chain is read as it was written") func chains() throws {
        let hook = RuleChain.Hook(
            type: "filter", number: NF_INET_LOCAL_OUT.rawValue, priority: -300, policy: UInt32(NF_ACCEPT))
        let chain = RuleChain(family: UInt8(NFPROTO_INET), table: "t", name: "output", hook: hook)
        let requests = RuleRequests(family: chain.family, table: chain.table)
        #expect(try RuleChain(try listed(requests.make(chain))) == chain)
    }

    @Test("an interface and its addresses are read as they were written") func links() throws {
        let requests = LinkRequests(name: "nodelocaldns")
        var link = try Link(try listed(requests.make))
        #expect(link == Link(index: 0, isUp: true, kind: "dummy", addresses: []))
        for address in Self.settings.addresses { try link.note(try listed(requests.add(address, to: 0))) }
        try link.note(try listed(requests.add(IPAddress(v4: 1), to: 3)))
        #expect(link.addresses == Set(Self.settings.addresses))
    }

    @Test("messages that end anywhere, and octets of any value, are refused or read, and end nothing") func broken()
        throws
    {
        let requests = RuleRequests(family: UInt8(NFPROTO_INET), table: "t")
        let rule = Self.settings.incoming[0].expressions(in: requests.family, ending: .verdict(NF_ACCEPT))
        let whole =
            requests.insert(rule, into: "c", comment: "ours").octets(sequence: 1)
            + LinkRequests(name: "i").make.octets(sequence: 2)
        var read = 0
        for position in whole.indices {
            for value in [0, 1, 3, 4, 127, 128, 255, whole[position] ^ 1] {
                var octets = whole
                octets[position] = UInt8(value)
                read += look(octets[...]) + look(octets[...position]) + look(octets[position...])
            }
        }
        #expect(read > 1000)
    }

    /// Reads octets as everything that they could be; how often that was possible.
    private func look(_ octets: ArraySlice<UInt8>) -> Int {
        guard let messages = try? NetlinkMessage.all(in: octets) else { return 0 }
        var count = 0
        for message in messages {
            if (try? message.meaning()) != nil { count += 1 }
            if (try? RuleChain(message)) != nil { count += 1 }
            if (try? ListedRule(message)) != nil { count += 1 }
            guard var link = try? Link(message) else { continue }
            if (try? link.note(message)) != nil { count += 1 }
        }
        return count
    }

    @Test("what the kernel says to a request") func meanings() throws {
        #expect(try answer(0).meaning() == .done)
        #expect(try answer(-EPERM).meaning() == .refused(code: EPERM, words: nil))
        #expect(try answer(.min).meaning() == .refused(code: .min, words: nil))
        var words = AttributeWriter()
        words.put(NLMSGERR_ATTR_MSG, text: "no such kind")
        let flags = NLM_F_CAPPED | NLM_F_ACK_TLVS
        #expect(
            try answer(-EINVAL, flags: flags, words.octets).meaning() == .refused(code: EINVAL, words: "no such kind"))
        let short = NetlinkMessage(type: UInt16(NLMSG_ERROR), flags: 0, sequence: 1, body: [1, 2])
        #expect(throws: NetlinkFault.truncated) { try short.meaning() }
    }

    @Test("an error names place, request, finding and what to do") func errors() {
        let error = HostError(code: EPERM, call: "RTM_NEWLINK", place: "interface nodelocaldns")
        #expect(
            "\(error)"
                == "interface nodelocaldns: RTM_NEWLINK: found Operation not permitted, expected the capability NET_ADMIN, "
                + "which a container has by securityContext.capabilities.add: [NET_ADMIN]")
    }
}
