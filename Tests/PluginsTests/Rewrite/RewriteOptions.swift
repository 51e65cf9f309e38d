import DNSServer
import TestKit
import Testing

@Suite("rewrite: EDNS options for upstreams") struct RewriteOptions {
    /// 0xffee, in the query of a client: `own`.
    private static let clientOption: [UInt8] = [0xFF, 0xEE, 0, 3] + Array("own".utf8)

    /// Answers `a.test` with an address and with the options of the query, data in capitals.
    private static let upstream: ScriptedUpstream.Script = { query in
        [query.reply([.a(query.parsed.name, "192.0.2.1")], options: echoed(query.octets))]
    }

    private static func echoed(_ query: [UInt8]) -> [UInt8] {
        let text = WireText.options(query) ?? []
        return text.flatMap { option -> [UInt8] in
            let parts = option.split(separator: "=", omittingEmptySubsequences: false)
            let code = UInt16(parts[0]) ?? 0
            return [UInt8(code >> 8), UInt8(code & 0xFF), 0, 1, UInt8(parts[1].count / 2)]
        }
    }

    private func server(_ rules: String) throws -> MemoryServer {
        try MemoryServer("\(rules)\nforward . @UPSTREAM@", upstream: Self.upstream)
    }

    /// What the upstream is sent and what the client is shown, for one question `a.test. A`.
    private func exchange(
        _ rules: String, edns: Bool = true, options: [UInt8] = [], from client: String = "192.0.2.77"
    ) throws -> (sent: [String]?, shown: [String]?) {
        let dns = try server(rules)
        let query = WireText.query("a.test. A", id: 7, dnssecOK: edns ? false : nil, options: options)
        let answer = try #require(dns.begin(query, from: client).octets)
        #expect(WireText.text(answer) == "NOERROR\na.test. 300 A 192.0.2.1")
        let sent = try #require(dns.queries.first)
        return (WireText.options(sent.octets), WireText.options(answer))
    }

    @Test(
        "what is set reaches the upstream",
        arguments: [
            ("local set 0xffee abcd", ["65518=61626364"]),
            ("local set 65518 0x61626364", ["65518=61626364"]),
            ("local append 0xffee 0x", ["65518="]),
            ("local replace 0xffee abcd", []),
            ("local unset 0xffee", []),
            ("nsid set", ["3="]),
            ("nsid append", ["3="]),
            ("nsid replace", []),
            ("nsid unset", []),
            ("subnet set 24 56", ["8=00011800c00002"]),
            ("subnet set 20 56", ["8=00011400c00000"]),
            ("subnet append 0 0", ["8=00010000"]),
            ("subnet set 32 128", ["8=00012000c000024d"]),
            ("subnet replace 24 56", []),
            ("subnet unset", []),
            ("local set 0xffee {qname}", ["65518=612e746573742e"]),
            ("local set 0xffee {qtype}", ["65518=0001"]),
            ("local set 0xffee {client_ip}", ["65518=c000024d"]),
            ("local set 0xffee {client_port}", ["65518=9c40"]),
            ("local set 0xffee {protocol}", ["65518=756470"]),
            ("local set 0xffee {server_ip}", ["65518=7f000001"]),
            ("local set 0xffee {server_port}", ["65518=0035"]),
            // No plugin knows that label.
            ("local set 0xffee {other/label}", []),
        ])
    func sent(_ rule: String, _ options: [String]) throws {
        #expect(try exchange("rewrite edns0 \(rule)").sent == options)
    }

    @Test("IPv6 clients have a subnet of their own length")
    func subnet() throws {
        #expect(
            try exchange("rewrite edns0 subnet set 24 52", from: "2001:db8:1234:5678::9").sent
                == ["8=0002340020010db8123450"])
    }

    @Test(
        "an option of the client's is what a rule finds",
        arguments: [
            ("local set 0xffee abcd", ["65518=61626364"]),
            ("local replace 0xffee abcd", ["65518=61626364"]),
            ("local append 0xffee abcd", ["65518=6f776e"]),
            ("local unset 0xffee", []),
            // No rule speaks of it.
            ("nsid set", ["3="]),
        ])
    func found(_ rule: String, _ options: [String]) throws {
        #expect(try exchange("rewrite edns0 \(rule)", options: Self.clientOption).sent == options)
    }

    @Test("clients are shown what the upstream said to it, unless the rule reverts")
    func shown() throws {
        #expect(try exchange("rewrite edns0 local set 0xffee abcd").shown == ["65518=04"])
        #expect(try exchange("rewrite edns0 local set 0xffee abcd revert").shown == [])
        #expect(try exchange("rewrite edns0 nsid set revert").shown == [])
        #expect(try exchange("rewrite edns0 subnet set 24 56 revert").shown == [])
        #expect(
            try exchange("rewrite edns0 local set 0xffee abcd revert", options: Self.clientOption).shown
                == ["65518=6f776e"])
        #expect(
            try exchange(
                "rewrite continue edns0 local set 0xffee abcd\nrewrite edns0 local replace 0xffee 0x01 revert"
            ).shown == ["65518=61626364"])
    }

    @Test("clients without EDNS get none") func plain() throws {
        let (sent, shown) = try exchange("rewrite edns0 local set 0xffee abcd", edns: false)
        #expect(sent == ["65518=61626364"])
        #expect(shown == nil)
    }

    @Test("several rules, and one that changes the name besides") func several() throws {
        let dns = try server(
            "rewrite continue edns0 nsid set\nrewrite continue name b.test a.test\nrewrite edns0 local set 1 {qname}")
        #expect(dns.ask("b.test. A") == "NOERROR\nb.test. 300 A 192.0.2.1")
        #expect(dns.queries.compactMap { WireText.options($0.octets) } == [["3=", "1=612e746573742e"]])
    }

    @Test("questions that differ in their options are different questions, waiting and kept")
    func apart() throws {
        let dns = try server("cache 30\nrewrite edns0 subnet set 24 56")
        dns.upstreams[0].hold()
        let asked = ["192.0.2.1", "198.51.100.1", "192.0.2.9"].map { dns.begin("a.test. A", from: $0) }
        #expect(dns.queries.count == 2)
        dns.release()
        #expect(Set(asked.map(\.text)) == ["NOERROR\na.test. 30 A 192.0.2.1"])
        _ = dns.ask("a.test. A", from: "192.0.2.77")
        #expect(dns.queries.count == 2)
        _ = dns.ask("a.test. A", from: "203.0.113.1")
        #expect(dns.queries.count == 3)
    }

    @Test("the target of a CNAME is asked for with its options, too") func chased() throws {
        let dns = try MemoryServer(
            "rewrite continue edns0 nsid set\nrewrite cname regex (.*) {1}\nforward . @UPSTREAM@"
        ) { query in
            [query.reply(query.number == 0 ? [.cname("a.test.", "b.test.")] : [.a(query.parsed.name, "192.0.2.1")])]
        }
        #expect(dns.ask("a.test. A") == "NOERROR\na.test. 300 CNAME b.test.\nb.test. 300 A 192.0.2.1")
        #expect(dns.queries.compactMap { WireText.options($0.octets) } == [["3="], ["3="]])
    }

    @Test("what metadata knows of a question can be sent") func label() throws {
        let dns = try MemoryServer(
            "metadata\nview one {\nexpr true\n}\nrewrite edns0 local set 0xffee {view/name}\nforward . @UPSTREAM@",
            upstream: Self.upstream)
        _ = dns.ask("a.test. A")
        #expect(dns.queries.compactMap { WireText.options($0.octets) } == [["65518=6f6e65"]])
    }
}
