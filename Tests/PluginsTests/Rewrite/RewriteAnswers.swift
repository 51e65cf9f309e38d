import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

private let hosts = """
    hosts /names {
    10.0.0.1 web.default.svc.test
    10.0.0.2 a.b.c.test
    fd00::1 six.test
    fallthrough
    }
    """

private func server(_ rules: String, upstream: ScriptedUpstream.Script? = nil) throws -> MemoryServer {
    try MemoryServer(
        "\(rules)\n\(hosts)\n\(upstream == nil ? "" : "forward . @UPSTREAM@")", files: ["/names": ""],
        upstream: upstream)
}

@Suite("rewrite: questions") struct RewriteQuestions {
    @Test(
        "the client sees the name it asked for",
        arguments: [
            ("name old.test web.default.svc.test", "Old.Test. A", "NOERROR aa\nOld.Test. 3600 A 10.0.0.1"),
            ("name exact old.test web.default.svc.test", "old.test. A", "NOERROR aa\nold.test. 3600 A 10.0.0.1"),
            ("stop name OLD.test. WEB.default.svc.test.", "old.test. A", "NOERROR aa\nold.test. 3600 A 10.0.0.1"),
            ("name prefix old- web.", "old-default.svc.test. A", "NOERROR aa\nold-default.svc.test. 3600 A 10.0.0.1"),
            (
                "name suffix .old.test .svc.test", "web.default.old.test. A",
                "NOERROR aa\nweb.default.old.test. 3600 A 10.0.0.1"
            ),
            (
                "name suffix .old.test .svc.test answer auto", "web.default.old.test. A",
                "NOERROR aa\nweb.default.old.test. 3600 A 10.0.0.1"
            ),
            ("name substring xx. .", "axx.bxx.c.test. A", "NOERROR aa\naxx.bxx.c.test. 3600 A 10.0.0.2"),
            (
                "name regex ^(.*)\\.([a-z]+)\\.old\\.test\\.$ {1}.{2}.svc.test", "web.default.old.test. A",
                "NOERROR aa\nweb.default.old.test. 3600 A 10.0.0.1"
            ),
            ("name regex (a)(b)?\\.test {1}.{2}b.c.test", "a.test. A", "NOERROR aa\na.test. 3600 A 10.0.0.2"),
            ("type AAAA A", "web.default.svc.test. AAAA", "NOERROR aa\nweb.default.svc.test. 3600 A 10.0.0.1"),
            // Not for this question.
            (
                "name other.test web.default.svc.test", "web.default.svc.test. A",
                "NOERROR aa\nweb.default.svc.test. 3600 A 10.0.0.1"
            ),
            ("type MX A", "web.default.svc.test. AAAA", "NOERROR aa"),
        ])
    func questions(_ rule: String, _ question: String, _ answer: String) throws {
        #expect(try server("rewrite \(rule)").ask(question) == answer)
    }

    @Test("the first rule that matches is the last, unless it says continue")
    func order() throws {
        let first = try server("rewrite name a.test b.test\nrewrite name b.test web.default.svc.test")
        #expect(first.ask("a.test. A") == "SERVFAIL")
        let both = try server("rewrite continue name a.test b.test\nrewrite name b.test web.default.svc.test")
        #expect(both.ask("a.test. A") == "NOERROR aa\na.test. 3600 A 10.0.0.1")
        // In CoreDNS the rewritten question would stand in this response.
        let only = try server("rewrite continue type AAAA A")
        #expect(only.ask("web.default.svc.test. AAAA") == "NOERROR aa\nweb.default.svc.test. 3600 A 10.0.0.1")
    }

    @Test("what is no name any more is SERVFAIL, and says why")
    func noName() throws {
        let label = String(repeating: "x", count: 60)
        let server = try server("rewrite name regex (.*)\\.test \(label){1}")
        #expect(server.ask("abcdef.test. A") == "SERVFAIL")
        #expect(server.failures == ["rewrite: \"\(label)abcdef.\" is no domain name"])
    }

    @Test("rules in a block") func block() throws {
        let server = try server(
            "rewrite stop {\nname regex (.*)\\.old\\.test {1}.default.svc.test\nanswer name (.*)\\.default\\.svc\\.test {1}.old.test\n}"
        )
        #expect(server.ask("web.old.test. A") == "NOERROR aa\nweb.old.test. 3600 A 10.0.0.1")
    }
}

@Suite("rewrite: answers") struct RewriteAnswers {
    /// `alias.new.test` is an alias of `a.new.test`; everything else does not exist.
    private let upstream: ScriptedUpstream.Script = { query in
        switch query.parsed.name {
        case "alias.new.test.":
            [query.reply([.cname("alias.new.test.", "a.new.test."), .a("a.new.test.", "192.0.2.1", ttl: 7)])]
        case "a.new.test.", "b.new.test.": [query.reply([.a(query.parsed.name, "192.0.2.2", ttl: 7)])]
        default: [query.reply(authority: [.soa("new.test.")], code: 3)]
        }
    }

    private static let chain =
        "NOERROR\nalias.old.test. 300 CNAME a.new.test.\na.new.test. 7 A 192.0.2.1"

    @Test(
        "names of an answer from upstream",
        arguments: [
            ("name suffix .old.test .new.test", chain),
            (
                "name suffix .old.test .new.test answer auto",
                "NOERROR\nalias.old.test. 300 CNAME a.old.test.\na.old.test. 7 A 192.0.2.1"
            ),
            ("name regex (.*)\\.old\\.test {1}.new.test", chain),
            (
                "name regex (.*)\\.old\\.test {1}.new.test answer name (.*)\\.new\\.test {1}.x answer value (.*)\\.new\\.test {1}.x",
                "NOERROR\nalias.old.test. 300 CNAME a.x.\na.x. 7 A 192.0.2.1"
            ),
            ("name alias.old.test alias.new.test", chain),
            // The word `answer` may be left out from the second time on.
            (
                "name regex (.*)\\.old\\.test {1}.new.test answer name (.*)\\.new\\.test {1}.x value (.*)\\.new\\.test {1}.x",
                "NOERROR\nalias.old.test. 300 CNAME a.x.\na.x. 7 A 192.0.2.1"
            ),
            // The name that the rule made becomes the one it was, with what is below.
            ("name regex ^alias\\.old\\.(.*) alias.new.{1} answer auto", chain),
            // Names below are led back, too.
            ("name exact old.test new.test", "NXDOMAIN\nold.test. 300 SOA"),
        ])
    func names(_ rule: String, _ answer: String) throws {
        let server = try server("rewrite \(rule)", upstream: upstream)
        let name = rule.hasPrefix("name exact") ? "old.test." : "alias.old.test."
        let got = server.ask("\(name) A")
        #expect(got.hasPrefix(answer) && (answer.contains("SOA") || got == answer), "\(got)")
    }

    @Test("lifetimes", arguments: [("30", 30), ("30-60", 30), ("-5", 5), ("3-", 7), ("5-9", 7)])
    func lifetimes(_ range: String, _ ttl: Int) throws {
        let server = try server("rewrite ttl suffix .test \(range)", upstream: upstream)
        #expect(server.ask("a.new.test. A") == "NOERROR\na.new.test. \(ttl) A 192.0.2.2")
    }

    @Test("codes") func codes() throws {
        let server = try server(
            "rewrite rcode regex .*\\.gone\\.test NXDOMAIN NOERROR\nrewrite rcode ghost.test 3 REFUSED",
            upstream: upstream)
        #expect(server.ask("x.gone.test. A").hasPrefix("NOERROR\nnew.test. 300 SOA"))
        #expect(server.ask("ghost.test. A").hasPrefix("REFUSED"))
        #expect(server.ask("other.test. A").hasPrefix("NXDOMAIN"))
        #expect(server.ask("a.new.test. A") == "NOERROR\na.new.test. 7 A 192.0.2.2")
    }

    @Test(
        "aliases led elsewhere: from upstream to upstream, to a name of this server, and in a circle",
        arguments: [
            ("a.new.test b.new.test", "NOERROR\nalias.new.test. 300 CNAME b.new.test.\nb.new.test. 7 A 192.0.2.2"),
            (
                "regex ^a\\.(.*) web.default.svc.test",
                "NOERROR\nalias.new.test. 300 CNAME web.default.svc.test.\nweb.default.svc.test. 3600 A 10.0.0.1"
            ),
            ("a.new.test missing.test", "NXDOMAIN\nalias.new.test. 300 CNAME missing.test."),
            ("a.new.test alias.new.test", "SERVFAIL\nalias.new.test. 300 CNAME alias.new.test."),
            ("none.test b.new.test", "NOERROR\nalias.new.test. 300 CNAME a.new.test.\na.new.test. 7 A 192.0.2.1"),
        ])
    func aliases(_ rule: String, _ answer: String) throws {
        let server = try server("rewrite cname \(rule)", upstream: upstream)
        // The zone's SOA, where the target is missing, stands behind what is wanted.
        let got = server.ask("alias.new.test. A").replacing("NOERROR aa", with: "NOERROR")
        #expect(got.hasPrefix(answer), "\(got)")
    }

    @Test("a target that stays as it was is asked for all the same: not every upstream does")
    func unchangedTarget() throws {
        let server = try server("rewrite continue cname regex (.*) {1}") { query in
            switch query.parsed.name {
            case "alias.test.": [query.reply([.cname("alias.test.", "second.test.")])]
            case "second.test.": [query.reply([.cname("second.test.", "web.default.svc.test.")])]
            default: [query.reply(code: 2)]
            }
        }
        let links = "alias.test. 300 CNAME second.test.\nsecond.test. 300 CNAME web.default.svc.test.\n"
        let answer = server.ask("alias.test. A").replacing("NOERROR aa", with: "NOERROR")
        #expect(answer == "NOERROR\n\(links)web.default.svc.test. 3600 A 10.0.0.1")
        // The CNAME itself leads nowhere.
        #expect(server.ask("alias.test. CNAME") == "NOERROR\nalias.test. 300 CNAME second.test.")
    }

    @Test(
        "names in the data of every type that has them",
        arguments: [
            "NS", "CNAME", "PTR", "DNAME", "MX", "AFSDB", "KX", "SRV", "SVCB", "HTTPS", "RP", "NAPTR",
        ])
    func data(_ type: String) throws {
        func octets(_ domain: String) -> [UInt8] {
            let name = Name("a.\(domain)")?.wire ?? []
            switch type {
            case "MX", "AFSDB", "KX": return [0, 10] + name
            case "SVCB", "HTTPS": return [0, 1] + name + [0, 3, 0, 2, 1, 187]
            case "SRV": return [0, 1, 0, 2, 0, 80] + name
            case "RP": return name + name
            case "NAPTR": return [0, 1, 0, 2, 1, 0x75, 1, 0x73, 0] + name
            default: return name
            }
        }
        let kind = try #require(RecordType(type))
        let upstreamData = octets("new.test")
        let server = try server("rewrite name suffix .old.test .new.test answer auto") { query in
            [query.reply([TestRecord(name: query.parsed.name, type: kind, ttl: 60, data: upstreamData)])]
        }
        let answer = try #require(server.begin("x.old.test. \(type)").octets)
        let data = withBytes(answer) { message in
            var records = MessageRecords(message)
            // CNAME, NS, PTR and MX may be compressed; their text says the same.
            return records?.next().map { message.slice($0.0.dataOffset, $0.0.dataLength).array } ?? []
        }
        if ["CNAME", "NS", "PTR", "MX"].contains(type) {
            #expect(data.suffix(2).first ?? 0 >= 0xC0)
        } else {
            #expect(data == octets("old.test"))
        }
    }

    @Test("the cache keeps what was asked upstream, and every client its own name")
    func cached() throws {
        let server = try server(
            "cache 30\nrewrite name one.test a.new.test\nrewrite name two.test a.new.test", upstream: upstream)
        #expect(server.ask("one.test. A") == "NOERROR\none.test. 7 A 192.0.2.2")
        #expect(server.ask("two.test. A").hasPrefix("NOERROR\ntwo.test. "))
        #expect(server.queries.count == 1)
    }

    @Test("many clients wait at once, over UDP and TCP, and each gets its own answer")
    func waiting() throws {
        let server = try server("rewrite name suffix .old.test .new.test answer auto") {
            [$0.reply([.a($0.parsed.name, "192.0.2.9")])]
        }
        server.upstreams[0].hold()
        let asked = (0..<40).map { server.begin("n\($0 % 20).old.test. A", over: $0 < 20 ? .udp : .tcp) }
        #expect(server.queries.count == 20)
        server.release()
        for (index, asked) in asked.enumerated() {
            #expect(asked.text == "NOERROR\nn\(index % 20).old.test. 300 A 192.0.2.9")
        }
    }

    @Test("a large answer is cut for UDP and whole over TCP") func large() throws {
        let addresses = (1...200).map { "10.1.\($0 / 100).\($0 % 100 + 1) many.new.test" }.joined(separator: "\n")
        let server = try MemoryServer(
            "rewrite name many.old.test many.new.test\nhosts /names", files: ["/names": addresses])
        let cut = server.ask("many.old.test. A")
        #expect(cut.hasPrefix("NOERROR aa tc\nmany.old.test. 3600 A 10.1."))
        let whole = server.ask("many.old.test. A", over: .tcp).split(separator: "\n")
        #expect(
            whole.count == 201 && whole[0] == "NOERROR aa"
                && whole.dropFirst().allSatisfy { $0.hasPrefix("many.old.test. ") })
    }
}

@Suite("rewrite: lines that are wrong") struct RewriteErrors {
    @Test(arguments: [
        ("", "the end of the rule, expected name, type, class, ttl, rcode, cname or edns0"),
        ("nme a b", "nme, expected name, type, class, ttl, rcode, cname or edns0"),
        ("name a.test", "the end of the rule, expected the new name"),
        ("name a.test b..test", "b..test, expected a domain name"),
        ("name a.test b.test c", "c, expected answer, or the end of the rule"),
        ("name regex (a b.test", "(a, expected a regular expression (at character"),
        ("name regex (a) {2}.test", "{2}.test, expected groups up to {1}, which is how many the expression has"),
        ("type A FOO", "FOO, expected a record type such as AAAA, and none of transfers"),
        ("type A AXFR", "AXFR, expected a record type such as AAAA, and none of transfers"),
        ("ttl a.test x", "x, expected seconds, or a range such as 30-300, 30- or -300"),
        ("ttl a.test 9-3", "9-3, expected the smaller TTL first"),
        ("rcode a.test NXDOMAIN FOO", "FOO, expected a response code such as NXDOMAIN, or its number"),
        ("edns0", "the end of the rule, expected local, nsid or subnet"),
        ("edns0 cookie set", "cookie, expected local, nsid or subnet"),
        ("edns0 local add 1 a", "add, expected set, append, replace or unset"),
        ("edns0 local set", "the end of the rule, expected the code of an option"),
        ("edns0 local set 0x10000 a", "0x10000, expected the code of an option, such as 0xffee or 65518"),
        ("edns0 local set 1", "the end of the rule, expected the option's data"),
        ("edns0 local set 1 0x123", "0x123, expected text, octets such as 0x6162, or a variable; at most 252 octets"),
        ("edns0 local set 1 {dummy}", "{dummy}, expected {qname}, {qtype}, {client_ip}, {client_port}, {protocol}"),
        ("edns0 local unset 1 a", "a, expected the end of the rule"),
        ("edns0 nsid set a", "a, expected the end of the rule"),
        ("edns0 subnet set 33 1", "33, expected a prefix length of an IPv4 address, from 0 to 32"),
        ("edns0 subnet set 1 129", "129, expected a prefix length of an IPv6 address, from 0 to 128"),
    ])
    func errors(_ rule: String, _ error: String) {
        let got = TestPlan.errors("rewrite \(rule)")
        #expect(got.hasPrefix("rewrite: found \(error)"), "\(got)")
    }
}
