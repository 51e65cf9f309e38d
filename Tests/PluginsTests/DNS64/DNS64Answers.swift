import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("dns64: IPv6 addresses for IPv4 servers (RFC 6147)") struct DNS64Answers {
    /// `v4` has A, `both` both, `alias` is an alias of `v4`, `broken` fails for AAAA; everything else does not exist.
    private static let upstream: ScriptedUpstream.Script = { query in
        let (name, type) = (query.parsed.name.lowercased(), query.parsed.type)
        let noData = query.reply(authority: [.soa("test.", ttl: 90)])
        return switch (name, type) {
        case ("v4.test.", .a):
            [query.reply([.a(query.parsed.name, "192.0.2.33"), .a(query.parsed.name, "198.51.100.1", ttl: 30)])]
        case ("both.test.", .a): [query.reply([.a("both.test.", "192.0.2.1")])]
        case ("both.test.", .aaaa):
            [
                query.reply([
                    TestRecord(name: "both.test.", type: .aaaa, ttl: 300, data: IPAddress("2001:db8::1")?.octets ?? [])
                ])
            ]
        case ("alias.test.", .a): [query.reply([.cname("alias.test.", "v4.test."), .a("v4.test.", "192.0.2.33")])]
        case ("alias.test.", .aaaa):
            [query.reply([.cname("alias.test.", "v4.test.")], authority: [.soa("test.", ttl: 90)])]
        case ("broken.test.", .aaaa): [query.reply(code: 2)]
        case ("broken.test.", .a): [query.reply([.a("broken.test.", "192.0.2.4", ttl: 1000)])]
        case ("dead.test.", _): [query.reply(code: 2)]
        case ("v4.test.", _), ("empty.test.", _): [noData]
        default: [query.reply(authority: [.soa("test.")], code: 3)]
        }
    }

    private func server(_ options: String = "allow_ipv4") throws -> MemoryServer {
        try MemoryServer("dns64 {\n\(options)\n}\nforward . @UPSTREAM@", upstream: Self.upstream)
    }

    @Test(arguments: [
        ("v4.test. AAAA", "NOERROR\nv4.test. 90 AAAA 64:ff9b::c000:221\nv4.test. 30 AAAA 64:ff9b::c633:6401"),
        ("V4.Test. AAAA", "NOERROR\nV4.Test. 90 AAAA 64:ff9b::c000:221\nV4.Test. 30 AAAA 64:ff9b::c633:6401"),
        ("both.test. AAAA", "NOERROR\nboth.test. 300 AAAA 2001:db8::1"),
        ("alias.test. AAAA", "NOERROR\nalias.test. 300 CNAME v4.test.\nv4.test. 90 AAAA 64:ff9b::c000:221"),
        // What fails for AAAA may have addresses all the same (RFC 6147 §5.1.2); without SOA they live 600 s at most.
        ("broken.test. AAAA", "NOERROR\nbroken.test. 600 AAAA 64:ff9b::c000:204"),
        ("dead.test. AAAA", "SERVFAIL"),
        ("v4.test. A", "NOERROR\nv4.test. 300 A 192.0.2.33\nv4.test. 30 A 198.51.100.1"),
    ])
    func answers(_ question: String, _ answer: String) throws {
        #expect(try server().ask(question) == answer)
    }

    @Test("what does not exist, and what has no addresses, stays so") func negative() throws {
        let server = try server()
        #expect(server.ask("ghost.test. AAAA").hasPrefix("NXDOMAIN\ntest. 300 SOA"))
        #expect(server.ask("empty.test. AAAA").hasPrefix("NOERROR\ntest. 90 SOA"))
        #expect(server.metric("coredns_dns64_requests_translated_total") == "0")
        _ = server.ask("v4.test. AAAA")
        #expect(server.metric("coredns_dns64_requests_translated_total") == "1")
    }

    @Test("clients over IPv4 are left alone unless allowed") func clients() throws {
        #expect(try server("").ask("v4.test. AAAA").hasPrefix("NOERROR\ntest. 90 SOA"))
    }

    @Test("a client that validates gets what is there") func validating() throws {
        let server = try server()
        #expect(server.ask("v4.test. AAAA", checkingDisabled: true, dnssecOK: true).contains("SOA"))
        #expect(server.ask("v4.test. AAAA", dnssecOK: true).contains("64:ff9b::"))
    }

    @Test("every name with translate_all") func all() throws {
        let server = try server("allow_ipv4\ntranslate_all\nprefix fd00:64::/64")
        #expect(server.ask("both.test. AAAA") == "NOERROR\nboth.test. 300 AAAA fd00:64::c0:2:100:0")
    }

    @Test("our own records: synthesised ones are not authoritative") func own() throws {
        let server = try MemoryServer(
            "dns64 {\nallow_ipv4\n}\nhosts /names {\n10.0.0.1 a.test\n}", files: ["/names": ""])
        #expect(server.ask("a.test. AAAA") == "NOERROR\na.test. 600 AAAA 64:ff9b::a00:1")
        #expect(server.ask("a.test. A") == "NOERROR aa\na.test. 3600 A 10.0.0.1")
    }

    @Test(
        "IPv4 addresses in prefixes of every length (RFC 6052 §2.4)",
        arguments: [
            ("2001:db8::/32", "2001:db8:c000:221::"), ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"), ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
            ("64:ff9b::/96", "64:ff9b::c000:221"),
        ])
    func embedding(_ prefix: String, _ address: String) throws {
        #expect(try #require(TranslationPrefix(prefix)).embed(0xC000_0221) == IPAddress(address))
    }

    @Test(
        "lines that are wrong",
        arguments: [
            ("dns64 10.0.0.0/8", "10.0.0.0/8"), ("dns64 64:ff9b::/100", "64:ff9b::/100"),
            ("dns64 64:ff9b::/24", "64:ff9b::/24"),
            ("dns64 64:ff9b::", "64:ff9b::"),
            ("dns64 {\nprefix 2001:db8:0:0:ff00::/80\n}", "prefix 2001:db8:0:0:ff00::/80"),
        ])
    func errors(_ line: String, _ found: String) {
        #expect(
            TestPlan.errors(line)
                == "dns64: found \(found), expected an IPv6 network of 32 to 96 bits in steps of 8, bits 64 to 71 zero, such as 64:ff9b::/96"
        )
    }
}
