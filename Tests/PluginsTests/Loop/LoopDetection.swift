import DNSServer
import DNSWire
import EventLoop
import TestKit
import Testing

@testable import Plugins

@Suite("loop: questions that come back") struct LoopDetection {
    private func start(_ server: LiveServer) async {
        let environment = HeldPlugins(server.plan.plugins, server.metrics)
        for plugin in server.plan.plugins { await plugin.start(environment) }
    }

    @Test("an upstream that is this server is found and not asked any more")
    func loop() async throws {
        let address = TestPorts.next()
        let server = try await LiveServer("loop\nforward . \(address)", address: address)
        await start(server)
        let forward = try #require(server.plan.plugins.compactMap { $0 as? ForwardPlugin }.first)
        await LiveServer.eventually { forward.entries[0].isLooping }
        #expect(server.metric("coredns_loop_detected_total") == "1")
        #expect(await server.ask("a.test. A", dnssecOK: false) == "SERVFAIL ede=23")
    }

    @Test("an upstream that is another server is left alone")
    func noLoop() async throws {
        let upstream = try await ScriptedUpstream.start { [$0.reply(code: 3)] }
        let server = try await LiveServer("loop\nforward . \(upstream.address)")
        await start(server)
        await upstream.received(1)
        let loop = try #require(server.plan.plugins.compactMap { $0 as? LoopPlugin }.first)
        await LiveServer.eventually { !loop.isProbing }
        #expect(server.metric("coredns_loop_detected_total") == "0")
        #expect(upstream.queries.first?.parsed.type == .hinfo)
        #expect(await server.ask("a.test. A") == "NXDOMAIN")
    }

    @Test(
        "without loop a question that comes back to this server ends with the questions' time", .timeLimit(.minutes(1)))
    func bounded() async throws {
        let address = TestPorts.next()
        let server = try await LiveServer("forward . \(address) {\nread_timeout 50ms\n}", address: address)
        #expect(await server.ask("a.test. A") == "SERVFAIL")
    }

    @Test(arguments: [
        ("loop", "no errors"), ("loop x", "loop: found 1 argument, expected no arguments"),
        ("loop\nloop", "loop: found a second loop in this server block, expected one"),
    ])
    func settings(_ directives: String, _ expected: String) {
        #expect(TestPlan.errors(directives) == expected)
    }
}
