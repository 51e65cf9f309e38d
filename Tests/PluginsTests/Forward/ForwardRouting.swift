import DNSServer
import DNSWire
import EventLoop
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("forward: who is asked") struct ForwardRouting {
    private func upstream(_ address: String) async throws -> ScriptedUpstream {
        try await ScriptedUpstream.start { [$0.reply([.a($0.parsed.name, address)])] }
    }

    @Test("lines are tried in file order, each without its exceptions")
    func lines() async throws {
        let first = try await upstream("192.0.2.1")
        let second = try await upstream("192.0.2.2")
        let server = try await LiveServer(
            "forward corp.test \(first.address) {\nexcept public.corp.test\n}\nforward . \(second.address)")
        #expect(await server.ask("a.corp.test. A") == "NOERROR\na.corp.test. 300 A 192.0.2.1")
        #expect(await server.ask("a.public.corp.test. A") == "NOERROR\na.public.corp.test. 300 A 192.0.2.2")
        #expect(await server.ask("xcorp.test. A") == "NOERROR\nxcorp.test. 300 A 192.0.2.2")
    }

    @Test("next asks the following line")
    func nextLine() async throws {
        let empty = try await ScriptedUpstream.start { [$0.reply(authority: [.soa("test.")], code: 3)] }
        let full = try await upstream("192.0.2.2")
        let server = try await LiveServer(
            "forward . \(empty.address) {\nnext NXDOMAIN\n}\nforward . \(full.address)")
        #expect(await server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.2")
    }

    @Test("an upstream that refuses is passed over at once")
    func refusing() async throws {
        let dead = TestPorts.next()
        let sound = try await upstream("192.0.2.1")
        let server = try await LiveServer("forward . \(dead) \(sound.address) {\npolicy sequential\nread_timeout 30s\n}")
        // A timeout would have taken all the time that a question has.
        #expect(await server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("nobody there: SERVFAIL with a reason, probes begin")
    func nobody() async throws {
        let dead = TestPorts.next()
        let server = try await LiveServer("forward . \(dead) {\nhealth_check 10ms\nmax_fails 1\n}")
        #expect(await server.ask("a.test. A", dnssecOK: false) == "SERVFAIL ede=23")
        #expect(server.failures == ["read udp \(dead): read: connection refused"])
        let forward = try #require(server.plan.plugins.compactMap { $0 as? ForwardPlugin }.first)
        #expect(await eventually { forward.entries[0].upstreams[0].isDown(limit: 1) })
        #expect(await server.ask("b.test. A", dnssecOK: false) == "SERVFAIL ede=23")
        #expect(server.metric("coredns_forward_healthcheck_broken_total") == "1")
        #expect(server.metric("coredns_proxy_healthcheck_failures_total").flatMap(Int.init) ?? 0 > 0)
    }

    @Test("a silent upstream costs one read_timeout, then the next is asked")
    func silent() async throws {
        let silent = try await ScriptedUpstream.start { _ in [] }
        let sound = try await upstream("192.0.2.1")
        let server = try await LiveServer(
            "forward . \(silent.address) \(sound.address) {\npolicy sequential\nread_timeout 50ms\n}")
        #expect(await server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("equal questions under way are one for the upstream")
    func coalescing() async throws {
        let upstream = try await ScriptedUpstream.start(holding: true) { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        let server = try await LiveServer("forward . \(upstream.address)")
        let answers = await withTaskGroup(of: String.self) { group in
            for name in ["a.test. A", "A.TEST. A", "a.TEST. A"] { group.addTask { await server.ask(name) } }
            group.addTask { await server.ask("a.test. A", dnssecOK: true) }
            #expect(
                await eventually {
                    server.metric("coredns_forward_coalesced_total") == "2" && upstream.queries.count >= 2
                })
            upstream.release()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(upstream.queries.count == 2)
        #expect(answers.allSatisfy { $0.lowercased() == "noerror\na.test. 300 a 192.0.2.1" })
    }

    @Test("more waiting queries than max_concurrent are refused")
    func maxConcurrent() async throws {
        let upstream = try await ScriptedUpstream.start(holding: true) { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        let server = try await LiveServer("forward . \(upstream.address) {\nmax_concurrent 1\n}")
        async let first = server.ask("a.test. A")
        await upstream.received(1)
        #expect(await server.ask("b.test. A") == "REFUSED")
        upstream.release()
        #expect(await first == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.metric("coredns_forward_max_concurrent_rejects_total") == "1")
        #expect(await server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("without RD, and for zone transfers, no upstream is asked")
    func notForwarded() async throws {
        let upstream = try await upstream("192.0.2.1")
        let server = try await LiveServer("forward . \(upstream.address)")
        #expect(await server.ask("a.test. A", recursionDesired: false, dnssecOK: false) == "REFUSED ede=20")
        #expect(await server.ask("test. AXFR", over: .tcp, dnssecOK: false) == "REFUSED ede=21")
        #expect(upstream.queries.isEmpty)
    }

    @Test("force_tcp: one connection carries all, in any order of replies")
    func overTCP() async throws {
        let upstream = try await upstream("192.0.2.1")
        let server = try await LiveServer("forward . \(upstream.address) {\nforce_tcp\n}")
        for name in ["a.test.", "b.test.", "c.test."] {
            #expect(await server.ask("\(name) A", over: .tcp) == "NOERROR\n\(name) 300 A 192.0.2.1")
        }
        #expect(upstream.connections == 1)
        #expect(Set(upstream.queries.map(\.transport)) == [.tcp])
        #expect(server.metric("coredns_proxy_conn_cache_hits_total") == "2")
    }

    @Test("silence everywhere is SERVFAIL with EDE 22 and CoreDNS' words")
    func silence() async throws {
        let silent = try await ScriptedUpstream.start { _ in [] }
        let server = try await LiveServer("forward . \(silent.address) {\nread_timeout 50ms\nmax_fails 0\n}")
        #expect(await server.ask("a.test. A", dnssecOK: false) == "SERVFAIL ede=22")
        #expect(server.failures == ["read udp \(silent.address): i/o timeout"])
        #expect(silent.queries.count == 2)
    }

    @Test("U-31: over TCP unknown ids are ignored, and a message too short closes the connection")
    func badFrames() async throws {
        let upstream = try await ScriptedUpstream.start { query in
            let right = query.reply([.a(query.parsed.name, "192.0.2.1")])
            var unknown = right
            unknown[0] ^= 0xFF
            return query.parsed.name == "bad.test." ? [[1, 2, 3], right] : [unknown, right, right]
        }
        let server = try await LiveServer("forward . \(upstream.address) {\nforce_tcp\nmax_fails 0\n}")
        #expect(await server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(await server.ask("bad.test. A") == "SERVFAIL")
        #expect(await server.ask("b.test. A") == "NOERROR\nb.test. 300 A 192.0.2.1")
        #expect(upstream.connections > 1)
    }

    @Test("an upstream known to be down is probed again after a reload")
    func reload() async throws {
        let sound = try await upstream("192.0.2.1")
        let address = TestPorts.next()
        let text = "forward . \(sound.address) {\nhealth_check 10ms\n}"
        func forward() throws -> ForwardPlugin {
            let plugins = try TestPlan.block(text, at: address, MetricRegistry()).plugins
            return try #require(plugins.compactMap { $0 as? ForwardPlugin }.first)
        }
        let (old, new) = (try forward(), try forward())
        for _ in 0..<5 { old.entries[0].upstreams[0].probeFailed() }
        new.adopt(old)
        #expect(new.entries[0].upstreams[0].isDown(limit: 2))
        let loops = try LoopGroup(count: 1, metrics: MetricRegistry())
        await loops.activate(ServingPlan(blocks: [ServerBlock(listens: [], plugins: [new])]))
        #expect(await eventually { !new.entries[0].upstreams[0].isDown(limit: 2) })
        await loops.stop(grace: 0)
    }
}
