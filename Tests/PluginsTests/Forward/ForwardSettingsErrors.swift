import Corefile
import DNSServer
import DNSWire
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("forward: what a Corefile may say") struct ForwardSettingsErrors {
    @Test(arguments: [
        ("forward . 1.1.1.1", "no errors"),
        ("forward . dns://1.1.1.1 1.1.1.1:5353 [2001:db8::1]:53 2001:db8::2", "no errors"),
        ("forward . /etc/resolv.conf", "no errors"),
        // A file in the process' folder, whose name could be a host's, or no name at all.
        ("forward . resolv.conf", "no errors"),
        ("forward . ns_file", "no errors"),
        (
            "forward . empty.conf",
            "forward: found empty.conf without nameserver lines, expected at least one line `nameserver IP`"
        ),
        (
            """
            forward . 1.1.1.1 {
                except a.test b.test
                force_tcp
                prefer_udp
                expire 20s
                max_age 30s
                max_idle_conns 2
                max_fails 0
                max_connect_attempts 4
                policy round_robin
                health_check 1s no_rec domain example.org.
                max_concurrent 1000
                failover SERVFAIL REFUSED
                next NXDOMAIN
                next_on_nodata
                failfast_all_unhealthy_upstreams
                read_timeout 1s
                doh_method GET
                source_address 127.0.0.1
                resolver 1.1.1.1:53
            }
            """, "no errors"
        ),
        ("forward .", "forward: found 1 argument, expected at least 2 arguments"),
        ("forward . tls://1.1.1.1 tls://9.9.9.9%dns.test:8853 https://[2001:db8::1%dns.test]:444 1.1.1.1", "no errors"),
        (
            "forward . tls://a.test/dns",
            "forward: found tls://a.test/dns, expected tls://IP, tls://IP:PORT, or tls://IP%NAME for one with that name"
        ),
        (
            "forward . quic://1.1.1.1 grpc://1.1.1.1",
            """
            forward: found quic://1.1.1.1, expected an upstream that is asked by dns://, tls:// or https://
            forward: found grpc://1.1.1.1, expected an upstream that is asked by dns://, tls:// or https://
            """
        ),
        (
            "forward . tls://1.1.1.1%one.test {\ntls_servername dns.test\n}",
            "forward: found tls://1.1.1.1%one.test, expected no name of its own: tls_servername says it for all"
        ),
        (
            "forward . tls://1.1.1.1 {\ntls /missing.crt\n}",
            "forward: found tls /missing.crt: no such file, expected a readable PEM file"
        ),
        (
            "forward . /missing",
            "forward: found /missing, which cannot be read: no such file, expected an address as IP, IP:PORT or "
                + "[IPv6]:PORT, a host name, or a file like /etc/resolv.conf"
        ),
        (
            "forward . /empty",
            "forward: found /empty without nameserver lines, expected at least one line `nameserver IP`"
        ),
        (
            "forward . upstream.test",
            "forward: found upstream.test, a host without an address, expected an address as IP, IP:PORT or "
                + "[IPv6]:PORT, a host name, or a file like /etc/resolv.conf"
        ),
        (
            "forward . \((1...16).map { "10.0.0.\($0)" }.joined(separator: " "))",
            "forward: found 16 upstreams, expected at most 15"
        ),
        (
            "forward . 1.1.1.1 {\npolicy fastest\nmax_fails -1\nspeed 3\n}",
            """
            forward: found policy fastest, expected random, round_robin or sequential
            forward: found max_fails -1, expected a number from 0 to 1000000
            forward: found speed, expected except, force_tcp, prefer_udp, expire, max_age, max_idle_conns, \
            read_timeout, max_fails, max_connect_attempts, doh_method, tls, tls_servername, policy, health_check, \
            max_concurrent, next, next_on_nodata, failfast_all_unhealthy_upstreams, failover, source_address or resolver
            """
        ),
        (
            "forward . 1.1.1.1 {\nfailover NOERROR\n}",
            "forward: found failover NOERROR, expected a response code such as SERVFAIL, REFUSED or NXDOMAIN"
        ),
    ])
    func reads(_ directives: String, _ expected: String) {
        let servers = "search x\nnameserver 10.0.0.1\nnameserver fe80::1\n"
        let files = [
            "/etc/resolv.conf": servers, "/empty": "search x\n", "resolv.conf": servers, "ns_file": servers,
            "empty.conf": "search x\n",
        ]
        #expect(TestPlan.errors(directives, files: files) == expected)
    }

    @Test(
        "what certificates have to name, and where upstreams listen",
        arguments: [
            ("9.9.9.9", "9.9.9.9:853"), ("9.9.9.9:8853", "9.9.9.9:8853"), ("9.9.9.9%dns.test", "9.9.9.9:853 dns.test"),
            ("9.9.9.9%dns.test:8853", "9.9.9.9:8853 dns.test"), ("2001:db8::1", "[2001:db8::1]:853"),
            ("2001:db8::1%dns.test", "[2001:db8::1]:853 dns.test"),
            ("[2001:db8::1%dns.test]:8853", "[2001:db8::1]:8853 dns.test"),
            ("9.9.9.9%192.0.2.1", "9.9.9.9:853 192.0.2.1"), ("9.9.9.9%", "nothing"), ("9.9.9.9%a b", "nothing"),
            ("2001:db8::1%dns.test:853", "nothing"), ("9.9.9.9%dns.test:", "nothing"), ("dns.test", "nothing"),
            ("9.9.9.9/dns-query", "nothing"), ("", "nothing"), ("%", "nothing"), ("[%", "nothing"), ("[%]", "nothing"),
        ])
    func names(_ text: String, _ expected: String) {
        let target = TargetReader.named(text, .tls)
        let shown = target.map { "\($0.address)" + ($0.serverName.map { " \($0)" } ?? "") }
        #expect(shown ?? "nothing" == expected)
    }

    @Test("a host name stands for its addresses, and certificates have to name it")
    func hostNames() throws {
        func targets(_ line: String) throws -> [String] {
            let plan = try TestPlan.plan(". {\n\(line)\n}", MetricRegistry())
            return plan.plugins.compactMap { $0 as? ForwardPlugin }.flatMap(\.entries).flatMap(\.settings.targets).map {
                "\($0.scheme) \($0.address)" + ($0.serverName.map { " \($0)" } ?? "")
            }
        }
        #expect(try targets("forward . dns.test") == ["dns 192.0.2.1:53", "dns [2001:db8::1]:53"])
        #expect(try targets("forward . dns.test:5353 192.0.2.9").first == "dns 192.0.2.1:5353")
        #expect(try targets("forward . tls://dns.test").first == "tls 192.0.2.1:853 dns.test")
        #expect(
            try targets("forward . https://dns.test:8443 {\ntls_servername other.test\n}").first
                == "https 192.0.2.1:8443 other.test")
    }

    @Test("name servers of resolv.conf")
    func resolvConf() {
        let text = "# comment\nnameserver 10.0.0.1\n  nameserver\t2001:db8::1 \nnameserver none\noptions ndots:5\n"
        #expect(TargetReader.nameServers(in: text).map(\.description) == ["10.0.0.1:53", "[2001:db8::1]:53"])
    }
}

@Suite("forward: order of tries") struct ForwardOrder {
    private func order(_ choice: inout UpstreamChoice, _ isDown: [Bool]) -> [Int] {
        choice.order(isDown.count) { isDown[$0] }
    }

    @Test("one alone, whatever the policy", arguments: [ForwardSettings.Policy.sequential, .roundRobin, .random])
    func single(_ policy: ForwardSettings.Policy) {
        var choice = UpstreamChoice(policy)
        #expect(order(&choice, [false]) == [0])
        #expect(order(&choice, [true]) == [])
    }

    @Test func sequential() {
        var choice = UpstreamChoice(.sequential)
        #expect(order(&choice, [false, true, false]) == [0, 2])
        #expect(order(&choice, [true, true]) == [])
    }

    @Test func roundRobin() {
        var choice = UpstreamChoice(.roundRobin)
        #expect(
            (0..<4).map { _ in order(&choice, [false, false, false]) } == [
                [0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2],
            ])
    }

    @Test func random() {
        var choice = UpstreamChoice(.random)
        #expect(order(&choice, [false, false, true]).sorted() == [0, 1])
    }

    private let timeout = AttemptFailure(text: "read udp 10.0.0.1:53: i/o timeout", error: .noReachableAuthority)

    /// Who is asked, and how, when each try fails like this; and what the end is.
    private func asked(_ plan: AttemptPlan, _ failure: AttemptFailure) -> (tries: [String], end: AttemptFailure?) {
        var plan = plan
        var tries: [String] = []
        var action = plan.first()
        while case .ask(let upstream, let stream, let edns) = action {
            tries.append("\(upstream) \(stream ? "tcp" : "udp") \(edns ? "edns" : "plain")")
            action = plan.next(after: .failed(failure), timeLeft: true)
        }
        guard case .fail(let end) = action else { return (tries, nil) }
        return (tries, end)
    }

    @Test("two upstreams are asked twice each, then the last failure stands")
    func attempts() {
        let (tries, end) = asked(AttemptPlan(order: [1, 0], limit: 4, forcesTCP: false, failover: []), timeout)
        #expect(tries == ["1 udp edns", "0 udp edns", "1 udp edns", "0 udp edns"])
        #expect(end == timeout)
    }

    @Test("who was silent is asked without EDNS the next time, and so is everybody once two were")
    func silence() {
        var silence = timeout
        silence.isSilence = true
        func tries(_ order: [Int], limit: Int, needsEDNS: Bool = false) -> [String] {
            let plan = AttemptPlan(
                order: order, limit: limit, forcesTCP: false, failover: [], needsEDNS: needsEDNS)
            return asked(plan, silence).tries
        }
        #expect(tries([0], limit: 2) == ["0 udp edns", "0 udp plain"])
        #expect(tries([1, 0], limit: 4) == ["1 udp edns", "0 udp edns", "1 udp plain", "0 udp plain"])
        #expect(tries([2, 1, 0], limit: 3) == ["2 udp edns", "1 udp edns", "0 udp plain"])
        #expect(tries([0], limit: 2, needsEDNS: true) == ["0 udp edns", "0 udp edns"])
    }

    @Test("no time left ends it")
    func late() {
        var plan = AttemptPlan(order: [0, 1], limit: 4, forcesTCP: false, failover: [])
        _ = plan.first()
        guard case .fail = plan.next(after: .failed(timeout), timeLeft: false) else {
            return #expect(Bool(false), "asked again")
        }
    }

    @Test("an upstream that is asked over connections only is never asked over UDP, nor twice for a cut reply")
    func connectionsOnly() {
        var plan = AttemptPlan(order: [0, 1], limit: 4, forcesTCP: false, connected: [0], failover: [])
        guard case .ask(0, true, true) = plan.first(),
            case .ask(1, false, true) = plan.next(after: .truncated, timeLeft: true),
            case .ask(1, true, true) = plan.next(after: .truncated, timeLeft: true),
            case .ask(0, true, true) = plan.next(after: .truncated, timeLeft: true)
        else { return #expect(Bool(false), "other order") }
    }

    @Test("a cut reply is asked for over TCP, and cut again is a failure of that upstream")
    func truncation() {
        var plan = AttemptPlan(order: [0, 1], limit: 4, forcesTCP: false, failover: [])
        _ = plan.first()
        guard case .ask(0, true, true) = plan.next(after: .truncated, timeLeft: true),
            case .ask(1, false, true) = plan.next(after: .truncated, timeLeft: true)
        else { return #expect(Bool(false), "other order") }
    }
}
