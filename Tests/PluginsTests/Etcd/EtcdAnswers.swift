import DNSServer
import TestKit
import Testing

@testable import Plugins

@Suite("etcd: records of SkyDNS") struct EtcdAnswers {
    /// Keys behind `/skydns/` and their values.
    private static let records = [
        ("test/zone/a/x1", #"{"host": "192.0.2.1", "port": 8080, "ttl": 60}"#),
        ("test/zone/a/x2", #"{"host": "192.0.2.2", "port": 8080, "priority": 20, "weight": 50}"#),
        ("test/zone/a/x3", #"{"host": "2001:db8::1"}"#),
        ("test/zone/one", #"{"host": "192.0.2.3"}"#),
        ("test/zone/alias", #"{"host": "one.zone.test"}"#),
        ("test/zone/far", #"{"host": "www.example.org"}"#),
        ("test/zone/text", #"{"text": "hello world"}"#),
        ("test/zone/mail/m1", #"{"host": "mx.example.org", "mail": true, "priority": 5}"#),
        ("test/zone/srv/s1", #"{"host": "b.a.example.org", "port": 53, "targetstrip": 1}"#),
        ("test/zone/dns/ns/n1", #"{"host": "192.0.2.53"}"#),
        ("test/zone/dns/apex/p1", #"{"host": "192.0.2.80"}"#),
        ("test/zone/g/1", #"{"host": "192.0.2.11", "group": "g1"}"#),
        ("test/zone/g/2", #"{"host": "192.0.2.12", "group": "g1"}"#),
        ("test/zone/g/sub/3", #"{"host": "192.0.2.13", "group": "g2"}"#),
        ("arpa/in-addr/192/0/2/1", #"{"host": "x1.a.zone.test"}"#),
        ("test/zone/broken", #"{"host": "#),
    ]

    private func server(
        _ lines: String = "", behind: String = "", records: [(String, String)] = records, isRead: Bool = true,
        upstream: ScriptedUpstream.Script? = nil
    ) throws -> MemoryServer {
        let dns = try MemoryServer(
            "etcd zone.test 2.0.192.in-addr.arpa {\n\(lines)\n}\n\(behind)", upstream: upstream)
        let plugin = try #require(dns.plan.plugins.lazy.compactMap { $0 as? EtcdPlugin }.first)
        var table = EtcdTable()
        for (key, value) in records {
            let labels = key.split(separator: "/").map(String.init)
            table.set("/skydns/\(key)", EtcdRecord(labels: labels, value: Array(value.utf8), leaseTTL: nil))
        }
        if isRead { table.missing = nil }
        plugin.follower.publish(table)
        return dns
    }

    private static let soa = "\nzone.test. 300 SOA"

    @Test(
        "answers",
        arguments: [
            ("x1.a.zone.test. A", "NOERROR aa\nx1.a.zone.test. 60 A 192.0.2.1"),
            ("A.zone.test. A", "NOERROR aa\nA.zone.test. 60 A 192.0.2.1\nA.zone.test. 300 A 192.0.2.2"),
            ("a.zone.test. AAAA", "NOERROR aa\na.zone.test. 300 AAAA 2001:db8::1"),
            ("one.zone.test. AAAA", "NOERROR aa\(soa)"),
            (
                "alias.zone.test. A",
                "NOERROR aa\nalias.zone.test. 300 CNAME one.zone.test.\none.zone.test. 300 A 192.0.2.3"
            ),
            // Of any type that the record itself has no answer for.
            ("alias.zone.test. CAA", "NOERROR aa\nalias.zone.test. 300 CNAME one.zone.test.\(soa)"),
            ("alias.zone.test. CNAME", "NOERROR aa\nalias.zone.test. 300 CNAME one.zone.test."),
            ("zone.test. A", "NOERROR aa\nzone.test. 300 A 192.0.2.80"),
            (
                "zone.test. NS",
                "NOERROR aa\nzone.test. 300 NS n1.ns.dns.zone.test.\nn1.ns.dns.zone.test. 300 A 192.0.2.53"
            ),
            ("zone.test. SOA", "NOERROR aa\(soa)"),
            ("g.zone.test. A", "NOERROR aa\ng.zone.test. 300 A 192.0.2.11\ng.zone.test. 300 A 192.0.2.12"),
            ("1.2.0.192.in-addr.arpa. PTR", "NOERROR aa\n1.2.0.192.in-addr.arpa. 300 PTR x1.a.zone.test."),
            ("text.zone.test. A", "NOERROR aa\(soa)"),
            ("none.zone.test. A", "NXDOMAIN aa\(soa)"),
            ("none.zone.test. MX", "NXDOMAIN aa\(soa)"),
            // What holds no record is none.
            ("broken.zone.test. A", "NXDOMAIN aa\(soa)"),
        ])
    func answers(_ question: String, _ answer: String) throws {
        #expect(try server().ask(question) == answer)
    }

    @Test("SRV, MX and TXT, as ldns reads them") func others() throws {
        let dns = try server()
        func text(_ question: String) throws -> String {
            try ZoneText.text(of: try #require(dns.begin(question, over: .tcp).octets))
        }
        let srv = try text("a.zone.test. SRV")
        #expect(srv.contains("10 50 8080 x1.a.zone.test."), "\(srv)")
        #expect(srv.contains("10 50 0 x3.a.zone.test."), "\(srv)")
        #expect(srv.contains("20 100 8080 x2.a.zone.test."), "\(srv)")
        #expect(dns.ask("a.zone.test. SRV", over: .tcp).contains("\nx2.a.zone.test. 300 A 192.0.2.2"))
        let stripped = try text("srv.zone.test. SRV")
        #expect(stripped.contains("10 100 53 a.example.org."), "\(stripped)")
        let mail = try text("mail.zone.test. MX")
        #expect(mail.contains("5 mx.example.org."), "\(mail)")
        let words = try text("text.zone.test. TXT")
        #expect(words.contains("\"hello world\""), "\(words)")
    }

    @Test("a target outside of the zone is asked for in this server") func chased() throws {
        let dns = try server(behind: "forward . @UPSTREAM@") {
            [$0.reply([.a($0.parsed.name, "198.51.100.1", ttl: 20)])]
        }
        #expect(
            dns.ask("far.zone.test. A")
                == "NOERROR aa\nfar.zone.test. 300 CNAME www.example.org.\nwww.example.org. 20 A 198.51.100.1")
    }

    @Test("missing names go on where that is wanted") func fallthroughs() throws {
        let dns = try server("fallthrough", behind: "forward . @UPSTREAM@") {
            [$0.reply([.a($0.parsed.name, "198.51.100.1", ttl: 20)])]
        }
        #expect(dns.ask("none.zone.test. A") == "NOERROR\nnone.zone.test. 20 A 198.51.100.1")
        #expect(dns.ask("one.zone.test. A") == "NOERROR aa\none.zone.test. 300 A 192.0.2.3")
    }

    @Test("before etcd was read nothing is denied") func unread() throws {
        let dns = try server(records: [], isRead: false)
        #expect(dns.ask("one.zone.test. A") == "SERVFAIL aa")
        #expect(dns.failures == ["etcd has not been read yet"])
    }

    @Test("a lease bounds the TTL") func lease() throws {
        let value = Array(#"{"host": "192.0.2.1", "ttl": 60}"#.utf8)
        #expect(EtcdRecord(labels: ["test"], value: value, leaseTTL: 30)?.ttl == 30)
        #expect(EtcdRecord(labels: ["test"], value: value, leaseTTL: 90)?.ttl == 60)
        #expect(EtcdRecord(labels: ["test"], value: Array(#"{"host": "::1"}"#.utf8), leaseTTL: 90)?.ttl == 90)
    }

    @Test(
        "values that nobody should write",
        arguments: [
            "", "[]", "1", #"{"host": 5}"#, #"{"host": "a..b"}"#, #"{"host": "a.test", "targetstrip": 9999999999}"#,
            #"{"host": "192.0.2.1", "port": -1, "priority": 70000, "ttl": -5, "weight": 99999999999}"#,
        ])
    func hostile(_ value: String) {
        // None may end the process; numbers are bounded.
        let record = EtcdRecord(labels: ["test", "zone"], value: Array(value.utf8), leaseTTL: nil)
        #expect(record.map { $0.ttl == 300 } ?? true)
        #expect(EtcdRecord(labels: [String(repeating: "x", count: 64)], value: Array(value.utf8), leaseTTL: nil) == nil)
    }
}
