import DNSServer
import DNSWire
import TestKit
import Testing
import ZoneData

@testable import Plugins

@Suite("dnssec: answers signed as they are given") struct SigningAnswers {
    private func server() throws -> MemoryServer {
        let zone = "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\nwww 60 A 192.0.2.2\nchild 60 NS ns.child\n"
        let files = TestKeys.files.merging(["/zone": zone]) { first, _ in first }
        return try MemoryServer("dnssec a.test {\nkey file /keys/Ka.test\n}\nfile /zone a.test", files: files)
    }

    /// Code and records, one `owner type` a line.
    private func asked(_ question: String, dnssecOK: Bool? = true) throws -> [String] {
        try server().ask(question, over: .tcp, dnssecOK: dnssecOK).split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            return words.count > 2 && words[1].allSatisfy(\.isNumber) ? "\(words[0]) \(words[2])" : String(line)
        }
    }

    @Test("records and their signatures, for those who ask with DO") func positive() throws {
        #expect(
            try asked("www.a.test. A") == [
                "NOERROR aa", "www.a.test. A", "www.a.test. RRSIG", "a.test. NS", "a.test. RRSIG",
            ])
        #expect(try asked("www.a.test. A", dnssecOK: false) == ["NOERROR aa", "www.a.test. A", "a.test. NS"])
        #expect(try asked("a.test. DNSKEY") == ["NOERROR aa", "a.test. DNSKEY", "a.test. RRSIG"])
        #expect(try asked("a.test. DNSKEY", dnssecOK: nil) == ["NOERROR aa", "a.test. DNSKEY"])
    }

    @Test("what is not there: its name is, and has other types") func negative() throws {
        let denied = ["a.test. SOA", "a.test. RRSIG", "none.a.test. NSEC", "none.a.test. RRSIG"]
        #expect(try asked("none.a.test. A") == ["NOERROR aa"] + denied)
        #expect(try asked("none.a.test. A", dnssecOK: false) == ["NXDOMAIN aa", "a.test. SOA"])
        #expect(try asked("none.a.test. NSEC") == ["NOERROR aa", "none.a.test. NSEC", "none.a.test. RRSIG"])
        #expect(try asked("child.a.test. DS").contains("child.a.test. NSEC"))
    }

    @Test("what plugins without an SOA do not have is denied with that of the zone") func negativeWithoutStart() throws
    {
        let zone = "@ 60 SOA ns h 1 1 1 1 30\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
        let files = ["/zone": zone, "/names": "192.0.2.1 host.a.test\n"]
        func asked(_ question: String, dnssecOK: Bool? = true, after last: String = "") throws -> [String] {
            let server = try MemoryServer(
                """
                dnssec a.test {
                key file /keys/Ka.test
                }
                template IN TXT none.a.test {
                rcode NXDOMAIN
                }
                template IN AAAA alias.a.test {
                answer "alias.a.test. 60 IN CNAME host.a.test."
                }
                hosts /names a.test {
                fallthrough
                }
                \(last)
                """, files: TestKeys.files.merging(files) { first, _ in first })
            return server.ask(question, over: .tcp, dnssecOK: dnssecOK).split(separator: "\n").map { line in
                line.split(separator: " ").prefix(3).joined(separator: " ")
            }
        }
        let start = ["a.test. 30 SOA", "a.test. 30 RRSIG"]
        let file = "file /zone a.test"
        #expect(
            try asked("host.a.test. AAAA", after: file) == ["NOERROR aa"] + start + [
                "host.a.test. 30 NSEC", "host.a.test. 30 RRSIG",
            ])
        #expect(try asked("host.a.test. AAAA", dnssecOK: false, after: file) == ["NOERROR aa"])
        #expect(
            try asked("none.a.test. TXT", after: file) == ["NOERROR aa"] + start + [
                "none.a.test. 30 NSEC", "none.a.test. 30 RRSIG",
            ])
        #expect(
            try asked("alias.a.test. AAAA", after: file) == [
                "NOERROR aa", "alias.a.test. 60 CNAME", "alias.a.test. 60 RRSIG",
            ] + start + ["host.a.test. 30 NSEC", "host.a.test. 30 RRSIG"])
        #expect(
            try asked("host.a.test. A", after: file) == [
                "NOERROR aa", "host.a.test. 3600 A", "host.a.test. 3600 RRSIG",
            ])
        // Nothing says how long it holds (RFC 2308 §5).
        #expect(try asked("host.a.test. AAAA") == ["NOERROR aa", "host.a.test. 0 NSEC", "host.a.test. 0 RRSIG"])
    }

    @Test("a delegation is denied DS where it is") func referral() throws {
        #expect(
            try asked("x.child.a.test. A") == [
                "NOERROR", "child.a.test. NS", "child.a.test. NSEC", "child.a.test. RRSIG",
            ])
    }

    @Test("a record that comes twice, be it in other letters, is given and signed once (RFC 4034 §6.3)")
    func repeated() throws {
        func server(_ answers: [String]) throws -> MemoryServer {
            let lines = answers.map { "answer \"{{ .Name }} 60 IN \($0)\"" }.joined(separator: "\n")
            let plugins = "dnssec a.test {\nkey file /keys/Ka.test\n}\ntemplate IN ANY a.test {\n\(lines)\n}"
            return try MemoryServer(plugins, files: TestKeys.files)
        }
        func records(_ question: String, _ answers: [String]) throws -> [[UInt8]] {
            let query = WireText.query(question, id: 7, dnssecOK: true)
            let message = try #require(server(answers).begin(query, over: .tcp).octets)
            return try #require(ReceivedRecords(message)).answers.map(\.data)
        }
        let one = "A 192.0.2.1"
        #expect(try records("x.a.test. A", [one, one]).count == 2)
        #expect(try records("x.a.test. MX", ["MX 10 m.a.test.", "MX 10 M.A.test.", "MX 20 m.a.test."]).count == 3)
        // Ed25519 signs equal octets equally, but for the time in them.
        #expect(try records("x.a.test. A", [one, one]).first == records("x.a.test. A", [one]).first)
    }

    @Test("types as NSEC lists them (RFC 4034 §4.1.2)") func bitmaps() {
        // The example of §4.3: A, MX, RRSIG, NSEC and TYPE1234.
        #expect(
            TypeBitmap.octets([1, 15, 46, 47, 1234]) == [0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 4, 27]
                + [UInt8](repeating: 0, count: 26)
                + [0x20])
        #expect(TypeBitmap.octets([]) == [])
    }
}
