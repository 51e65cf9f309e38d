import DNSServer
import DNSWire
import TestKit
import Testing
import ZoneData

@testable import Plugins

@Suite("template: answers") struct TemplateAnswers {
    /// Code and flags, then the records of all sections as zone text; `ede=` and its text when the answer says why.
    private func ask(
        _ question: String, of directives: String, edns: Bool = false, over transport: DNSServer.Transport = .udp
    ) throws -> String {
        let dns = try MemoryServer(directives)
        return try ask(question, dns, edns: edns, over: transport)
    }

    private func ask(
        _ question: String, _ dns: MemoryServer, edns: Bool = false, over transport: DNSServer.Transport = .udp
    ) throws -> String {
        let query = WireText.query(question, id: 7, dnssecOK: edns ? false : nil)
        let octets = try #require(dns.begin(query, over: transport).octets)
        let decoded = try MessageText.text(of: octets)
        var head = decoded.code
        for flag in ["aa", "tc"] where decoded.flags.split(separator: " ").contains(Substring(flag)) {
            head += " \(flag)"
        }
        if let options = decoded.edns?.options, options.count >= 6 {
            head += " ede=\(Int(options[4]) << 8 | Int(options[5])) \(String(decoding: options[6...], as: UTF8.self))"
        }
        func lines(_ records: [String], _ mark: String) -> [String] {
            records.map { mark + $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
        }
        let all = lines(decoded.answer, "") + lines(decoded.authority, "ns ") + lines(decoded.additional, "+ ")
        return ([head] + all).joined(separator: "\n")
    }

    private static let addresses = """
        template IN A example {
            match (^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$
            answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
            fallthrough
        }
        template IN PTR in-addr.arpa {
            match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.](?P<a>[0-9]*)[.]in-addr[.]arpa[.]$
            answer "{{ .Name }} 60 IN PTR ip-{{ .Group.a }}-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example."
        }
        template IN MX example {
            match ^ip-10-
            answer "{{ .Name }} 60 IN MX 10 {{ .Name }}"
            authority "example. 60 IN NS ns0.example." "example. 60 IN NS ns1.example."
            additional "ns0.example. IN A 203.0.113.8"
        }
        """

    @Test(arguments: [
        ("ip-10-0-0-1.example. A", "NOERROR aa\nip-10-0-0-1.example. 60 IN A 10.0.0.1"),
        ("a.IP-10-0-0-1.Example. A", "NOERROR aa\na.IP-10-0-0-1.Example. 60 IN A 10.0.0.1"),
        ("4.3.2.10.in-addr.arpa. PTR", "NOERROR aa\n4.3.2.10.in-addr.arpa. 60 IN PTR ip-10-2-3-4.example."),
        (
            "ip-10-0-0-1.example. MX",
            """
            NOERROR aa
            ip-10-0-0-1.example. 60 IN MX 10 ip-10-0-0-1.example.
            ns example. 60 IN NS ns0.example.
            ns example. 60 IN NS ns1.example.
            + ns0.example. 3600 IN A 203.0.113.8
            """
        ),
        // No pattern of the template is in the name, and it has no fallthrough.
        ("x.example. MX", "SERVFAIL"), ("x.in-addr.arpa. PTR", "SERVFAIL"),
        // It has: nobody is behind it.
        ("x.example. A", "SERVFAIL ede=20 "),
        // No template is for these.
        ("ip-10-0-0-1.example. TXT", "SERVFAIL ede=20 "), ("ip-10-0-0-1.other. A", "SERVFAIL ede=20 "),
        // A name that is no address is no record either.
        ("ip-1000-0-0-1.example. A", "SERVFAIL"),
    ])
    func patterns(_ question: String, _ expected: String) throws {
        #expect(try ask(question, of: Self.addresses, edns: expected.contains("ede")) == expected)
    }

    @Test("the order of the file decides, and what falls through reaches the next plugin") func order() throws {
        let dns = try MemoryServer(
            """
            template IN A {
                match ^a[.]
                answer "{{ .Name }} 1 A 192.0.2.1"
                fallthrough test
            }
            template IN ANY {
                match ^[ab][.]
                answer "{{ .Name }} 2 A 192.0.2.2"
                fallthrough
            }
            hosts /none {
                192.0.2.3 c.test
            }
            """)
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 1 A 192.0.2.1")
        #expect(dns.ask("b.test. A") == "NOERROR aa\nb.test. 2 A 192.0.2.2")
        #expect(dns.ask("c.test. A") == "NOERROR aa\nc.test. 3600 A 192.0.2.3")
        #expect(dns.ask("b.lan. A") == "SERVFAIL")
        #expect(dns.ask("b.lan. MX") == "NOERROR aa\nb.lan. 2 A 192.0.2.2")
    }

    @Test("codes, authority and extended errors") func codes() throws {
        let block = """
            template ANY ANY invalid {
                rcode NXDOMAIN
                authority "{{ .Zone }} 60 {{ .Class }} SOA ns.{{ .Zone }} who.{{ .Zone }} (1 60 60 60 60)"
                ederror 21 "Blocked according to RFC2606"
            }
            template IN ANY fails {
                rcode SERVFAIL
                ederror 4096
            }
            template IN ANY refused {
                rcode REFUSED
            }
            """
        let soa = "\nns invalid. 60 IN SOA ns.invalid. who.invalid. 1 60 60 60 60"
        #expect(try ask("a.invalid. A", of: block) == "NXDOMAIN aa" + soa)
        #expect(
            try ask("a.invalid. A", of: block, edns: true) == "NXDOMAIN aa ede=21 Blocked according to RFC2606" + soa)
        #expect(try ask("a.fails. A", of: block, edns: true) == "SERVFAIL ede=4096 ")
        #expect(try ask("a.refused. A", of: block) == "REFUSED")
    }

    @Test("an alias is followed through the server, for every type") func aliases() throws {
        let dns = try MemoryServer(
            """
            template IN ANY foogle.test {
                answer "foogle.test 60 IN CNAME google.test"
                authority "foogle.test 60 IN NS ns.foogle.test"
            }
            template IN ANY gone.foo.test {
                answer "gone.foo.test 60 IN CNAME gone.test"
            }
            template IN ANY one.test {
                answer "one.test 60 IN CNAME two.test" "two.test 60 IN CNAME three.test" "three.test 60 IN A 192.0.2.3"
            }
            template IN ANY round.test {
                answer "{{ .Name }} 60 IN CNAME round.test"
            }
            template IN ANY nx.test {
                answer "nx.test 60 IN CNAME google.test"
                rcode NXDOMAIN
            }
            forward . @UPSTREAM@
            """
        ) { query in
            query.parsed.name.hasPrefix("gone")
                ? [query.reply(code: 3)] : [query.reply([.a("google.test", "192.0.2.9")])]
        }
        let alias = "foogle.test. 60 CNAME google.test."
        #expect(dns.ask("foogle.test. A") == "NOERROR aa\n\(alias)\ngoogle.test. 300 A 192.0.2.9")
        #expect(dns.ask("foogle.test. CNAME") == "NOERROR aa\n\(alias)\nfoogle.test. 60 NS ns.foogle.test.")
        #expect(dns.ask("gone.foo.test. MX") == "NXDOMAIN aa\ngone.foo.test. 60 CNAME gone.test.")
        #expect(
            dns.ask("one.test. A")
                == "NOERROR aa\none.test. 60 CNAME two.test.\ntwo.test. 60 CNAME three.test.\nthree.test. 60 A 192.0.2.3"
        )
        #expect(dns.ask("round.test. A") == "SERVFAIL aa\nround.test. 60 CNAME round.test.")
        #expect(dns.ask("nx.test. A") == "NXDOMAIN aa\nnx.test. 60 CNAME google.test.")
        #expect(dns.queries.count == 2)
    }

    @Test("variables and conditions") func expressions() throws {
        let dns = try MemoryServer(
            """
            template IN A test {
                match ^(?P<ip>[0-9]{1,3}(-[0-9]{1,3}){3})[.]
                var ip replace(group('ip'), '-', '.')
                var last "int(split(ip, '.')[-1])"
                expr "any(['10.0.0.0/8', '192.168.0.0/16'], incidr(ip, #))"
                expr last < 250
                answer "{{ .Name }} {{ .Var.last }} IN A {{ .Var.ip }}"
                fallthrough
            }
            hosts /none {
                192.0.2.1 172-16-0-1.test 10-0-0-251.test
            }
            """)
        #expect(dns.ask("10-1-2-3.test. A") == "NOERROR aa\n10-1-2-3.test. 3 A 10.1.2.3")
        let passedOn = dns.ask("172-16-0-1.test. A")
        #expect(passedOn == "NOERROR aa\n172-16-0-1.test. 3600 A 192.0.2.1", "\(dns.failures)")
        #expect(dns.ask("10-0-0-251.test. A") == "NOERROR aa\n10-0-0-251.test. 3600 A 192.0.2.1")
        // 10.0.0.999 is no address: an expression without a value does not fall through.
        #expect(dns.ask("10-0-0-999.test. A") == "SERVFAIL")
    }

    @Test("a response that has no room says so") func sizes() throws {
        let records = (1...60).map { "\"{{ .Name }} 60 A 192.0.2.\($0)\"" }.joined(separator: " ")
        let dns = try MemoryServer("template IN A {\nanswer \(records)\nadditional \"x.test TXT left-out\"\n}")
        let small = try ask("a.test. A", dns)
        #expect(small.hasPrefix("NOERROR aa tc\n") && small.split(separator: "\n").count == 31)
        let whole = try ask("a.test. A", dns, over: .tcp)
        #expect(whole.hasPrefix("NOERROR aa\n") && whole.split(separator: "\n").count == 62)
    }

    @Test("names of any octets stay inside of their record") func hostileNames() throws {
        let dns = try MemoryServer(
            """
            template IN TXT {
                match ^(?P<first>.*)[.]test[.]$
                answer "{{ .Name }} 60 IN TXT {{ .Group.first }}"
            }
            """)
        for label in ["a\\032b", "a\\;b", "a\\\"b", "\\(", "\\)", "\\000", "\\255", "\\010", "a\\\\", "\\036\\123"] {
            let text = try ask("\(label).test. TXT", dns)
            #expect(text.hasPrefix("NOERROR aa\n") && text.contains(" 60 IN TXT \""), "\(label): \(text)")
            #expect(text.split(separator: "\n").count == 2)
        }
    }

    @Test("metrics have CoreDNS' names and labels") func metrics() throws {
        let dns = try MemoryServer(
            """
            template IN ANY test {
                match ^ok[.]
                answer "{{ .Name }} 60 IN TXT x"
                fallthrough
            }
            template ANY ANY test {
                match ^(?P<word>[a-z]+)[.]
                answer "{{ if eq .Group.word `bad` }}no record{{ else }}{{ index .Match 5 }}{{ end }}"
            }
            """)
        for name in ["ok", "bad", "worse", "worse"] { _ = dns.ask("\(name).test. TXT") }
        _ = dns.ask("ok.test. TYPE4711")
        let labels = "{server=\"dns://127.0.0.1:53\",zone=\"test.\",view=\"\",class=\"IN\",type="
        #expect(dns.metric("coredns_template_matches_total\(labels)\"TXT\"}") == "4")
        #expect(dns.metric("coredns_template_matches_total\(labels)\"\"}") == "1")
        #expect(dns.metric("coredns_template_rr_failures_total\(labels)\"TXT\",section=\"answer\",template=") == "1")
        #expect(
            dns.metric("coredns_template_template_failures_total\(labels)\"TXT\",section=\"answer\",template=") == "2")
    }
}
