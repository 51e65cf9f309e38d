import DNSServer
import DNSWire
import EventLoop
import Telemetry
import TestKit
import Testing

@testable import Plugins

/// An upstream that has this address for every name.
private func upstream(_ address: String) -> ScriptedUpstream.Script {
    { [$0.reply([.a($0.parsed.name, address)])] }
}

private let silent: ScriptedUpstream.Script = { _ in [] }

@Suite("forward: who is asked") struct ForwardRouting {
    @Test("lines are tried in file order, each without its exceptions")
    func lines() throws {
        let server = try MemoryServer(
            "forward corp.test @UPSTREAM@ {\nexcept public.corp.test\n}\nforward . @UPSTREAM2@",
            upstreams: [upstream("192.0.2.1"), upstream("192.0.2.2")])
        #expect(server.ask("a.corp.test. A") == "NOERROR\na.corp.test. 300 A 192.0.2.1")
        #expect(server.ask("a.public.corp.test. A") == "NOERROR\na.public.corp.test. 300 A 192.0.2.2")
        #expect(server.ask("xcorp.test. A") == "NOERROR\nxcorp.test. 300 A 192.0.2.2")
    }

    @Test("next asks the following line")
    func nextLine() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ {\nnext NXDOMAIN\n}\nforward . @UPSTREAM2@",
            upstreams: [{ [$0.reply(authority: [.soa("test.")], code: 3)] }, upstream("192.0.2.2")])
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.2")
    }

    @Test("next: the first line's reply stands when the following one is silent")
    func nextLineSilent() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ {\nnext NXDOMAIN\n}\nforward . @UPSTREAM2@",
            upstreams: [{ [$0.reply(code: 3)] }, silent])
        let asked = server.begin("a.test. A")
        server.advance(.seconds(4))
        #expect(asked.text == "NXDOMAIN")
    }

    @Test(
        "policies: sequential asks the first, round_robin each in turn",
        arguments: [
            ("sequential", [6, 0, 0]), ("round_robin", [2, 2, 2]),
        ])
    func policies(_ policy: String, _ queries: [Int]) throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ @UPSTREAM2@ @UPSTREAM3@ {\npolicy \(policy)\n}",
            upstreams: (1...3).map { upstream("192.0.2.\($0)") })
        for _ in 0..<6 { _ = server.ask("a.test. A") }
        #expect(server.upstreams.map(\.queries.count) == queries)
    }

    @Test("an upstream that refuses is passed over at once")
    func refusing() throws {
        let server = try MemoryServer(
            "forward . \(TestPorts.next()) @UPSTREAM@ {\npolicy sequential\nread_timeout 30s\n}",
            upstream: upstream("192.0.2.1"))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("equal questions under way are one for the upstream")
    func coalescing() throws {
        let server = try MemoryServer("forward . @UPSTREAM@", upstream: upstream("192.0.2.1"))
        server.upstreams[0].hold()
        let asked = ["a.test.", "A.TEST.", "a.TEST."].map { server.begin("\($0) A") }
        let signed = server.begin("a.test. A", dnssecOK: true)
        #expect(server.metric("coredns_forward_coalesced_total") == "2")
        #expect(server.queries.count == 2)
        server.release()
        #expect(
            asked.map(\.text) == ["a.test.", "A.TEST.", "a.TEST."].map { "NOERROR\n\($0) 300 A 192.0.2.1" })
        #expect(signed.text == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("equal questions are one for the upstream, whichever loop they came to")
    func coalescingOfLoops() async throws {
        let upstream = try await ScriptedUpstream.start(holding: true, upstream("192.0.2.1"))
        let server = try await LiveServer("forward . \(upstream.address) {\nread_timeout 30s\n}", loops: 4)
        let asked = (0..<12).map { _ in Task { await server.ask("a.test. A") } }
        #expect(await eventually { server.metric("coredns_forward_coalesced_total") == "11" })
        upstream.release()
        for question in asked { #expect(await question.value == "NOERROR\na.test. 300 A 192.0.2.1") }
        #expect(upstream.queries.count == 1)
        #expect(await server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(upstream.queries.count == 2, "it may be asked again")
    }

    @Test("more waiting queries than max_concurrent are refused, until one is answered")
    func maxConcurrent() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ {\nmax_concurrent 2\n}", upstream: upstream("192.0.2.1"))
        server.upstreams[0].hold()
        // One that waits for an equal question counts, too.
        let waiting = [server.begin("a.test. A"), server.begin("a.test. A")]
        #expect(server.ask("b.test. A") == "REFUSED")
        server.release()
        #expect(waiting.map(\.text) == Array(repeating: "NOERROR\na.test. 300 A 192.0.2.1", count: 2))
        #expect(server.metric("coredns_forward_max_concurrent_rejects_total") == "1")
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("without RD, and for zone transfers, no upstream is asked")
    func notForwarded() throws {
        let server = try MemoryServer("forward . @UPSTREAM@", upstream: upstream("192.0.2.1"))
        #expect(server.ask("a.test. A", recursionDesired: false, dnssecOK: false) == "REFUSED ede=20")
        #expect(server.ask("test. AXFR", over: .tcp, dnssecOK: false) == "REFUSED ede=21")
        #expect(server.queries.isEmpty)
    }
}

@Suite("forward: how long is waited") struct ForwardTimes {
    private static let answer = "NOERROR\na.test. 300 A 192.0.2.1"

    @Test("a silent upstream costs one read_timeout, then the next is asked")
    func silentFirst() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ @UPSTREAM2@ {\npolicy sequential\nread_timeout 300ms\n}",
            upstreams: [silent, upstream("192.0.2.1")])
        let asked = server.begin("a.test. A")
        server.advance(.milliseconds(299))
        #expect(asked.text == "silence")
        #expect(server.upstreams.map(\.queries.count) == [1, 0])
        server.advance(.milliseconds(1))
        #expect(asked.text == Self.answer)
    }

    @Test("silence everywhere: two tries of two seconds each, then SERVFAIL with EDE 22 and CoreDNS' words")
    func silence() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nmax_fails 0\n}", upstream: silent)
        let asked = server.begin("a.test. A", dnssecOK: false)
        server.advance(.milliseconds(3_999))
        #expect(asked.text == "silence")
        server.advance(.milliseconds(1))
        #expect(asked.text == "SERVFAIL ede=22")
        #expect(server.failures == ["read udp \(server.upstreams[0].address): i/o timeout"])
        #expect(server.queries.count == 2)
    }

    @Test("a question takes five seconds in all, however many upstreams are left")
    func deadline() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ @UPSTREAM2@ @UPSTREAM3@ @UPSTREAM4@ {\npolicy sequential\nmax_fails 0\n}",
            upstreams: [silent, silent, silent, upstream("192.0.2.1")])
        let asked = server.begin("a.test. A")
        server.advance(.milliseconds(4_999))
        #expect(asked.text == "silence")
        server.advance(.milliseconds(1))
        #expect(asked.text == "SERVFAIL")
        #expect(server.upstreams.map(\.queries.count) == [1, 1, 1, 0])
    }

    @Test("a reply that comes after its time is not taken for the answer to the next try")
    func late() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ {\nmax_fails 0\nread_timeout 1s\n}", upstream: upstream("192.0.2.1"))
        server.upstreams[0].hold()
        let asked = server.begin("a.test. A")
        server.advance(.seconds(1))
        #expect(server.queries.count == 2)
        server.release()
        #expect(asked.text == Self.answer)
        #expect(server.ask("b.test. A") == "NOERROR\nb.test. 300 A 192.0.2.1")
        #expect(server.queries.count == 3)
    }

    @Test("one who waits for an equal question is answered with it, however late it came")
    func joined() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nmax_fails 0\n}", upstream: silent)
        let first = server.begin("a.test. A")
        server.advance(.milliseconds(3_999))
        let second = server.begin("a.test. A")
        server.advance(.milliseconds(1))
        #expect([first.text, second.text] == ["SERVFAIL", "SERVFAIL"])
    }
}

@Suite("forward: connections") struct ForwardConnections {
    @Test("force_tcp: one connection carries all, in any order of replies")
    func overTCP() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nforce_tcp\n}", upstream: upstream("192.0.2.1"))
        for name in ["a.test.", "b.test.", "c.test."] {
            #expect(server.ask("\(name) A", over: .tcp) == "NOERROR\n\(name) 300 A 192.0.2.1")
        }
        #expect(server.upstreams[0].connections == 1)
        #expect(Set(server.queries.map(\.transport)) == [.tcp])
        #expect(server.metric("coredns_proxy_conn_cache_hits_total") == "2")
    }

    @Test(
        "expire: a connection that nobody used for so long is closed", arguments: [("", 10_000), ("expire 2s", 2000)])
    func expire(_ option: String, _ milliseconds: Int) throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ {\nforce_tcp\n\(option)\n}", upstream: upstream("192.0.2.1"))
        for _ in 0..<3 {
            _ = server.ask("a.test. A")
            server.advance(.milliseconds(milliseconds - 1))
        }
        #expect(server.upstreams[0].connections == 1)
        server.advance(.milliseconds(1))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.upstreams[0].connections == 2)
    }

    @Test("max_age: a connection lives no longer, however busy")
    func age() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ {\nforce_tcp\nexpire 5s\nmax_age 5s\n}", upstream: upstream("192.0.2.1"))
        for _ in 0..<5 {
            _ = server.ask("a.test. A")
            server.advance(.seconds(1))
        }
        #expect(server.upstreams[0].connections == 1)
        server.advance(.seconds(1))
        _ = server.ask("a.test. A")
        #expect(server.upstreams[0].connections == 2)
    }

    @Test("U-31: over TCP unknown ids are ignored, and a message too short closes the connection")
    func badFrames() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nforce_tcp\nmax_fails 0\n}") { query in
            let right = query.reply([.a(query.parsed.name, "192.0.2.1")])
            var unknown = right
            unknown[0] ^= 0xFF
            return query.parsed.name == "bad.test." ? [[1, 2, 3], right] : [unknown, right, right]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.ask("bad.test. A") == "SERVFAIL")
        #expect(server.ask("b.test. A") == "NOERROR\nb.test. 300 A 192.0.2.1")
        #expect(server.upstreams[0].connections > 1)
    }

    @Test("U-31: nobody asks again over a connection whose upstream has lost count of its octets")
    func wrongLength() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nforce_tcp\nmax_fails 0\n}") { query in
            let right = query.reply([.a(query.parsed.name, "192.0.2.1")])
            return query.number == 0 ? [Array(right.prefix(20))] : [right]
        }
        let asked = server.begin("a.test. A")
        server.advance(.milliseconds(2000))
        #expect(asked.text == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.upstreams[0].connections == 2)
    }

    @Test("many questions at once share one connection; a second helps when they wait for longer than a second")
    func burst() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nforce_tcp\n}") { query in
            query.parsed.name.hasPrefix("slow") ? [] : [query.reply([.a(query.parsed.name, "192.0.2.1")])]
        }
        let asked = (0..<300).map { server.begin("slow\($0).test. A") }
        #expect(server.queries.count == 300)
        #expect(server.upstreams[0].connections == 1)
        server.advance(.milliseconds(1000))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.upstreams[0].connections == 2)
        #expect(asked.allSatisfy { $0.octets == nil })
    }

    @Test("a connection that breaks loses no question: all that wait are asked again over one other")
    func broken() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nforce_tcp\n}") { query in
            switch query.number {
            case 0..<20: []
            case 20: [[1, 2, 3]]
            default: [query.reply([.a(query.parsed.name, "192.0.2.1")])]
            }
        }
        let asked = (0...20).map { server.begin("a\($0).test. A") }
        #expect(asked.map(\.text) == (0...20).map { "NOERROR\na\($0).test. 300 A 192.0.2.1" })
        #expect(server.upstreams[0].connections == 2)
    }
}

@Suite("forward: encrypted upstreams") struct ForwardEncrypted {
    @Test("questions go over connections only, and a probe takes one that is open")
    func connections() throws {
        let server = try MemoryServer("forward . tls://@UPSTREAM@ {\nread_timeout 1s\nmax_connect_attempts 1\n}") {
            query in
            query.parsed.name.hasPrefix("slow") ? [] : [query.reply([.a(query.parsed.name, "192.0.2.1")])]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        let label = "proxy_name=\"forward\",to=\"\(server.upstreams[0].address)\",proto=\"tcp-tls\""
        #expect(server.metric("coredns_proxy_conn_cache_misses_total{\(label)}") == "1")
        let asked = server.begin("slow.test. A")
        server.advance(.milliseconds(900))
        #expect(server.ask("b.test. A") == "NOERROR\nb.test. 300 A 192.0.2.1")
        server.advance(.seconds(2))
        #expect(asked.text == "SERVFAIL")
        #expect(server.queries.contains { $0.parsed.type == .ns })
        #expect(Set(server.queries.map(\.transport)) == [.tcp])
        #expect(server.upstreams[0].connections == 1)
    }

    @Test("a wrong certificate is an error that says so; nobody is asked in clear text, nor often for a handshake")
    func wrongName() throws {
        let server = try MemoryServer("forward . tls://@UPSTREAM@ {\ntls_servername wrong.test\nmax_fails 0\n}") {
            [$0.reply([.a($0.parsed.name, "192.0.2.1")])]
        }
        let reason = "dial tcp-tls \(server.upstreams[0].address): tls: certificate is not for wrong.test"
        for number in 0..<10 {
            let asked = server.begin("a\(number).test. A", dnssecOK: false)
            #expect(asked.text == "SERVFAIL")
            // EDE 23 and the reason (RFC 8914).
            #expect(try #require(asked.octets).suffix(reason.utf8.count + 2) == [0, 23] + Array(reason.utf8))
        }
        #expect(server.queries.isEmpty)
        #expect(server.upstreams[0].connections == 1)
        #expect(Set(server.failures) == [reason])
        server.advance(.seconds(1))
        _ = server.ask("b.test. A")
        #expect(server.upstreams[0].connections == 2)
    }

    @Test("an upstream with a wrong certificate is passed over for the next")
    func nextUpstream() throws {
        let server = try MemoryServer(
            "forward . tls://@UPSTREAM@%wrong.test tls://@UPSTREAM2@ {\npolicy sequential\n}",
            upstreams: [upstream("192.0.2.1"), upstream("192.0.2.2")])
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.2")
        #expect(server.upstreams[0].queries.isEmpty)
    }
}

@Suite("forward: upstreams that are down") struct ForwardHealth {
    private func upstreams(_ server: MemoryServer) throws -> [Upstream] {
        try #require(server.plan.plugins.compactMap { $0 as? ForwardPlugin }.first).entries[0].upstreams
    }

    @Test("nobody there: SERVFAIL with a reason, probes begin")
    func nobody() throws {
        let dead = TestPorts.next()
        let server = try MemoryServer("forward . \(dead) {\nhealth_check 1s\nmax_fails 1\n}", upstream: silent)
        #expect(server.ask("a.test. A", dnssecOK: false) == "SERVFAIL ede=23")
        #expect(server.failures == ["read udp \(dead): read: connection refused"])
        server.advance(.seconds(1))
        #expect(try upstreams(server)[0].isDown(limit: 1))
        #expect(server.ask("b.test. A", dnssecOK: false) == "SERVFAIL ede=23")
        #expect(server.metric("coredns_forward_healthcheck_broken_total") == "1")
        #expect(server.metric("coredns_proxy_healthcheck_failures_total") == "2")
    }

    @Test("a probe each interval; after more failures than max_fails the upstream is passed over until it replies")
    func comesBack() throws {
        // Replies to questions and probes from the fifth second on.
        let probes: ScriptedUpstream.Script = { $0.number < 6 ? [] : [$0.reply([.a($0.parsed.name, "192.0.2.1")])] }
        let server = try MemoryServer(
            "forward . @UPSTREAM@ @UPSTREAM2@ {\npolicy sequential\nread_timeout 1s\nhealth_check 2s\nmax_fails 2\n}",
            upstreams: [probes, upstream("192.0.2.2")])
        let first = try upstreams(server)[0]
        let asked = server.begin("a.test. A")
        server.advance(.seconds(1))
        #expect(asked.text == "NOERROR\na.test. 300 A 192.0.2.2")
        // The probe begins with the failure, waits a second, and comes again two seconds after it began.
        #expect(server.queries.count == 2)
        #expect(server.queries.last?.parsed.type == .ns)
        server.advance(.milliseconds(1999))
        #expect(server.queries.count == 2)
        server.advance(.milliseconds(1))
        #expect(server.queries.count == 3)
        #expect(!first.isDown(limit: 2))
        // Three probes have failed one second after the third began.
        server.advance(.seconds(3))
        #expect(first.isDown(limit: 2))
        #expect(server.ask("b.test. A") == "NOERROR\nb.test. 300 A 192.0.2.2")
        #expect(server.queries.count == 4)
        // Two more are silent, and the sixth message is the first that is answered.
        server.advance(.seconds(5))
        #expect(!first.isDown(limit: 2))
        #expect(server.queries.count == 7)
        #expect(server.ask("b.test. A") == "NOERROR\nb.test. 300 A 192.0.2.1")
        // Probes end with the reply.
        server.advance(.seconds(60))
        #expect(server.queries.count == 8)
        #expect(server.metric("coredns_proxy_healthcheck_failures_total") == "5")
    }

    @Test("failfast_all_unhealthy_upstreams: nobody is asked while all are down")
    func failFast() throws {
        let server = try MemoryServer(
            "forward . @UPSTREAM@ {\nfailfast_all_unhealthy_upstreams\nread_timeout 1s\nmax_fails 1\n}",
            upstream: silent)
        let asked = server.begin("a.test. A")
        server.advance(.seconds(10))
        #expect(asked.text == "SERVFAIL")
        let questions = server.queries.count { $0.parsed.type == .a }
        #expect(server.ask("b.test. A", dnssecOK: false) == "SERVFAIL ede=22")
        #expect(server.queries.count { $0.parsed.type == .a } == questions)
    }

    @Test("max_fails 0 probes nobody")
    func noProbes() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nmax_fails 0\n}", upstream: silent)
        _ = server.begin("a.test. A")
        server.advance(.seconds(60))
        #expect(server.queries.map(\.parsed.type) == [.a, .a])
    }

    @Test("an upstream known to be down is probed again after a reload")
    func reload() throws {
        let server = try MemoryServer("forward . @UPSTREAM@", upstream: upstream("192.0.2.1"))
        let text = "forward . \(server.upstreams[0].address) {\nhealth_check 10ms\n}"
        func forward() throws -> ForwardPlugin {
            let plugins = try TestPlan.block(text, at: MemoryServer.address, MetricRegistry()).plugins
            return try #require(plugins.compactMap { $0 as? ForwardPlugin }.first)
        }
        let (old, new) = (try forward(), try forward())
        for _ in 0..<5 { old.entries[0].upstreams[0].probeFailed() }
        new.adopt(old)
        #expect(new.entries[0].upstreams[0].isDown(limit: 2))
        server.activate(ServingPlan(blocks: [ServerBlock(listens: [], plugins: [new])]))
        #expect(!new.entries[0].upstreams[0].isDown(limit: 2))
    }
}
