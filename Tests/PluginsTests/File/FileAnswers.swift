import DNSServer
import DNSWire
import Synchronization
import Telemetry
import TestKit
import Testing
import ZoneData

@testable import Plugins

private let zone = """
    $ORIGIN shop.test.
    $TTL 300
    @ SOA ns h 7 7200 1800 86400 60
    @ NS ns
    ns A 192.0.2.1
    www A 192.0.2.2
    www A 192.0.2.3
    alias CNAME www
    out CNAME a.far.test.
    *.wild TXT "any"
    deep.ent A 192.0.2.4
    tree DNAME other
    x.other A 192.0.2.5
    child NS ns.child
    ns.child A 192.0.2.6
    @ MX 10 www
    """

@Suite("file: zones from files") struct FileAnswers {
    private func server(_ block: String = "", after: String = "") throws -> MemoryServer {
        try MemoryServer("file /zone shop.test {\n\(block)\n}\n\(after)", files: ["/zone": zone, "/names": ""])
    }

    @Test(
        "answers, each with the zone's name servers",
        arguments: [
            ("www.shop.test. A", "www.shop.test. 300 A 192.0.2.2\nwww.shop.test. 300 A 192.0.2.3"),
            ("WWW.shop.test. A", "WWW.shop.test. 300 A 192.0.2.2\nWWW.shop.test. 300 A 192.0.2.3"),
            (
                "alias.shop.test. A",
                "alias.shop.test. 300 CNAME www.shop.test.\nwww.shop.test. 300 A 192.0.2.2\n"
                    + "www.shop.test. 300 A 192.0.2.3"
            ),
            ("alias.shop.test. CNAME", "alias.shop.test. 300 CNAME www.shop.test."),
            ("a.b.wild.shop.test. TXT", "a.b.wild.shop.test. 300 TXT"),
            (
                "x.tree.shop.test. A",
                "tree.shop.test. 300 DNAME\nx.tree.shop.test. 300 CNAME x.other.shop.test.\n"
                    + "x.other.shop.test. 300 A 192.0.2.5"
            ),
        ])
    func positive(_ question: String, _ records: String) throws {
        let answer = try server().ask(question)
        #expect(answer == "NOERROR aa\n\(records)\nshop.test. 300 NS ns.shop.test.")
    }

    @Test(
        "what is not there, with the SOA and its least TTL (RFC 2308)",
        arguments: [
            ("www.shop.test. AAAA", "NOERROR aa"), ("ent.shop.test. A", "NOERROR aa"),
            ("wild.shop.test. A", "NOERROR aa"), ("none.shop.test. A", "NXDOMAIN aa"),
            ("x.www.shop.test. A", "NXDOMAIN aa"),
        ])
    func negative(_ question: String, _ code: String) throws {
        let answer = try server().ask(question)
        #expect(
            answer == "\(code)\nshop.test. 60 SOA")
    }

    @Test("a delegation is not ours to answer") func referral() throws {
        let referral =
            "NOERROR\nchild.shop.test. 300 NS ns.child.shop.test.\nns.child.shop.test. 300 A 192.0.2.6"
        let server = try server()
        #expect(server.ask("a.child.shop.test. A") == referral)
        #expect(server.ask("child.shop.test. NS") == referral)
        // DS is the parent's, and there is none.
        #expect(server.ask("child.shop.test. DS").hasPrefix("NOERROR aa\nshop.test. 60 SOA"))
    }

    @Test("a mail exchanger's addresses come with it") func additional() throws {
        #expect(
            try server().ask("shop.test. MX") == """
                NOERROR aa
                shop.test. 300 MX
                shop.test. 300 NS ns.shop.test.
                www.shop.test. 300 A 192.0.2.2
                www.shop.test. 300 A 192.0.2.3
                """)
    }

    @Test("names that do not exist fall through, those that do not") func fallThrough() throws {
        let server = try MemoryServer(
            "file /zone shop.test {\nfallthrough\n}\nforward . @UPSTREAM@", files: ["/zone": zone]
        ) { [$0.reply(code: 3)] }
        #expect(server.ask("none.shop.test. A") == "NXDOMAIN")
        #expect(server.queries.count == 1)
        #expect(server.ask("www.shop.test. AAAA").hasPrefix("NOERROR aa"))
        #expect(server.queries.count == 1)
    }

    @Test("a CNAME that leads out of the zone is asked of the whole server") func chase() throws {
        let server = try server(after: "hosts /names far.test {\n192.0.2.9 a.far.test\n}")
        #expect(
            server.ask("out.shop.test. A")
                == "NOERROR aa\nout.shop.test. 300 CNAME a.far.test.\na.far.test. 3600 A 192.0.2.9")
    }

    @Test("copies are for transfer to give") func refused() throws {
        #expect(try server().ask("shop.test. AXFR") == "REFUSED")
        #expect(try server().ask("other.test. A") == "REFUSED")
        #expect(try server(after: "forward nowhere.test 192.0.2.1").ask("other.test. A") == "SERVFAIL")
    }

    @Test("sixteen CNAMEs of a zone are followed, seventeen are not", arguments: [15, 16, 17])
    func chain(_ count: Int) throws {
        let links = (0..<count).map { "c\($0) CNAME c\($0 + 1)\n" }.joined()
        let dns = try MemoryServer(
            "file /zone shop.test", files: ["/zone": "\(zone)\n\(links)c\(count) A 192.0.2.9\n"])
        #expect(dns.ask("c0.shop.test. A").contains(" A 192.0.2.9") == (count <= 16))
    }

    @Test("a record that is there already is left out, of few as of many", arguments: [3, 16, 17, 1000])
    func duplicates(_ count: Int) throws {
        let lines = (0..<count).map { "many A 10.0.\($0 >> 8).\($0 & 255)" }
        let text = (["@ 300 SOA ns h 1 2 3 4 5", "@ NS ns", "ns A 192.0.2.1"] + lines + lines.reversed() + lines)
            .joined(separator: "\n")
        let origin = try #require(Name("shop.test."))
        let table = try ZoneFile.table(Array(text.utf8), named: "zone", origin: origin) { _ in [] }
        #expect(table.recordCount == 3 + count)
    }

    @Test("relative files stand in the folder of root") func root() throws {
        let server = try MemoryServer("root /zones\nfile db shop.test", files: ["/zones/db": zone])
        #expect(server.ask("alias.shop.test. CNAME").contains("www.shop.test."))
    }

    @Test("a longer zone answers, but for its own DS") func nested() throws {
        let child = "@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.8\n"
        let server = try MemoryServer(
            "file /zone shop.test\nfile /child child.shop.test", files: ["/zone": zone, "/child": child])
        #expect(server.ask("ns.child.shop.test. A").hasPrefix("NOERROR aa\nns.child.shop.test. 3600 A 192.0.2.8"))
        #expect(server.ask("child.shop.test. DS") == "NOERROR aa\nshop.test. 60 SOA")
    }
}
