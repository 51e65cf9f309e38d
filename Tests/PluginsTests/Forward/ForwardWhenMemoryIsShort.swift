import ClusterModel
import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("forward: while memory is short") struct ForwardWhenMemoryIsShort {
    private static let directives = "cache\nkubernetes cluster.local\nforward . @UPSTREAM@"

    /// A server with one Service, whose upstream knows `known.test` and is silent otherwise.
    private func server() throws -> MemoryServer {
        try MemoryServer(Self.directives, [namespace("shop"), service("shop/api", "10.96.0.7")]) { query in
            query.parsed.name == "known.test." ? [query.reply([.a("known.test.", "192.0.2.1")])] : []
        }
    }

    /// Queries that wait for the silent upstream, as many as may.
    private func fill(_ server: MemoryServer) -> [MemoryServer.Asked] {
        (1...64).map { server.begin("\($0).test. A", from: "192.0.2.\($0)") }
    }

    @Test("what would wait beside 64 others is SERVFAIL, and says why") func shed() throws {
        let server = try server()
        server.memory.set(.short, of: 1)
        #expect(fill(server).allSatisfy { $0.octets == nil })
        let answer = server.begin("more.test. A", dnssecOK: false)
        #expect(answer.text == "SERVFAIL")
        let text = "short of memory".utf8.map { String($0, radix: 16) }.joined()
        #expect(answer.octets.flatMap(WireText.options) == ["15=0000\(text)"])
        #expect(server.metric("coredns_memory_shed_total") == "1")
    }

    @Test("names of the cluster and kept replies are answered all the same") func memoryAlone() throws {
        let server = try server()
        _ = server.ask("known.test. A")
        server.memory.set(.short, of: 1)
        let asked = fill(server)
        #expect(server.ask("api.shop.svc.cluster.local. A").contains("A 10.96.0.7"))
        #expect(server.ask("x.shop.svc.cluster.local. A").hasPrefix("NXDOMAIN aa"))
        #expect(server.ask("known.test. A") == "NOERROR\nknown.test. 300 A 192.0.2.1")
        #expect(asked.count == 64)
        #expect(server.metric("coredns_memory_shed_total") == "0")
    }

    @Test("who asks little is served") func few() throws {
        let server = try server()
        server.memory.set(.short, of: 1)
        #expect(server.ask("known.test. A") == "NOERROR\nknown.test. 300 A 192.0.2.1")
    }
}
