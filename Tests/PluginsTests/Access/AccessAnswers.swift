import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

/// The tests ask from 127.0.0.1.
@Suite("acl: who gets answers") struct AccessAnswers {
    private func server(_ rules: String) throws -> MemoryServer {
        try MemoryServer(
            "\(rules)\nhosts /names {\n10.0.0.1 a.test b.a.test\nfd00::1 a.test\n}", files: ["/names": ""])
    }

    private static let answer = "NOERROR aa\na.test. 3600 A 10.0.0.1"

    @Test(
        "policies, types and networks",
        arguments: [
            ("acl {\nblock\n}", "REFUSED ede=15"),
            ("acl {\nblock type A net 127.0.0.0/8\n}", "REFUSED ede=15"),
            ("acl {\nblock type a aaaa net 10.0.0.0/8 127.0.0.1\n}", "REFUSED ede=15"),
            ("acl {\nblock type AAAA\n}", answer),
            ("acl {\nblock net 10.0.0.0/8 ::/0 127.0.0.2/31\n}", answer),
            ("acl {\nfilter type *\n}", "NOERROR ede=17"),
            ("acl {\nallow net 127.0.0.1\nblock\n}", answer),
            ("acl {\nblock\nallow net 127.0.0.1\n}", "REFUSED ede=15"),
            ("acl other.test {\nblock\n}", answer),
            ("acl a.test {\nblock\n}", "REFUSED ede=15"),
            // Lines are asked one after the other; an allow ends that.
            ("acl {\nallow type A\n}\nacl {\nblock\n}", answer),
            ("acl {\nallow type MX\n}\nacl {\nblock\n}", "REFUSED ede=15"),
        ])
    func policies(_ rules: String, _ answer: String) throws {
        let server = try server(rules)
        #expect(server.ask("a.test. A", dnssecOK: false) == answer)
        // Without EDNS nothing says why.
        #expect(server.ask("a.test. A") == answer.split(separator: " ede").first.map(String.init))
    }

    @Test("dropped: no answer over UDP or TCP, and others are served") func dropped() throws {
        let server = try server("acl {\ndrop type MX\n}")
        #expect(server.ask("a.test. MX") == "silence")
        #expect(server.ask("a.test. MX", over: .tcp) == "silence")
        #expect(server.ask("a.test. A") == Self.answer)
        #expect(server.metric("coredns_acl_dropped_requests_total") == "2")
    }

    @Test("what rewrite asks for is checked, and what an alias leads to") func rewritten() throws {
        let server = try server("rewrite name open.test a.test\nacl a.test {\nblock\n}")
        #expect(server.ask("open.test. A", dnssecOK: false) == "REFUSED ede=15")
        let alias = try MemoryServer(
            "rewrite cname y.test a.test\nacl a.test {\nblock\n}\nforward . @UPSTREAM@"
        ) { [$0.reply([.cname("x.test.", "y.test.")])] }
        #expect(alias.ask("x.test. A").hasPrefix("REFUSED\nx.test. 300 CNAME a.test."))
    }

    @Test("a client that is blocked gets nothing that was kept") func cached() throws {
        let server = try MemoryServer("cache 30\nacl {\nblock type A\n}\nforward . @UPSTREAM@") {
            [$0.reply([.a("a.test.", "192.0.2.1")])]
        }
        #expect(server.ask("a.test. AAAA") != "REFUSED")
        #expect(server.queries.count == 1)
        #expect(server.ask("a.test. A") == "REFUSED")
        #expect(server.queries.count == 1)
    }

    @Test("counters have the longest zone that matched") func counters() throws {
        let server = try server("acl test a.test {\nfilter type A\nblock type AAAA\n}")
        _ = server.ask("b.a.test. A")
        _ = server.ask("a.test. AAAA")
        _ = server.ask("test. MX")
        let labels = "{server=\"dns://127.0.0.1:53\",zone=\"a.test.\""
        #expect(server.metric("coredns_acl_filtered_requests_total\(labels)") == "1")
        #expect(server.metric("coredns_acl_blocked_requests_total\(labels)") == "1")
        #expect(server.metric("coredns_acl_allowed_requests_total") == "1")
    }

    @Test(
        "lines that are wrong",
        arguments: [
            ("acl {\npermit\n}", "acl: found permit, expected allow, block, filter or drop"),
            (
                "acl {\nblock net 10.0.0.0/33\n}",
                "acl: found block 10.0.0.0/33, expected an IP address or network such as 10.0.0.0/8, or *"
            ),
            ("acl {\nblock type FOO\n}", "acl: found block FOO, expected a record type such as AAAA, or *"),
            ("acl {\nblock A\n}", "acl: found block A, expected type or net"),
            ("acl {\nblock type\n}", "acl: found nothing after type, expected values, or *"),
            ("acl {\nblock type net *\n}", "acl: found block net, expected values of type, or *"),
        ])
    func errors(_ lines: String, _ error: String) {
        #expect(TestPlan.errors(lines) == error)
    }
}

@Suite("networks") struct Networks {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "203.0.113.1", true),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1/31", "192.0.2.0", true), ("192.0.2.1/32", "192.0.2.0", false),
        ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::", false), ("2001:db8::/65", "2001:db8::7fff:0:0:1", true),
        ("2001:db8::/65", "2001:db8::8000:0:0:1", false), ("::/0", "10.0.0.1", false),
        ("::ffff:10.0.0.0/104", "10.1.1.1", true),
    ])
    func contains(_ network: String, _ address: String, _ isInside: Bool) throws {
        #expect(try #require(Network(network)).contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "fd00::/129", "::ffff:10.0.0.0/95", "x", "10.0.0.0/+8",
    ])
    func notNetworks(_ text: String) { #expect(Network(text) == nil) }
}
