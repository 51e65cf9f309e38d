import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

/// The upstreams of these tests are asked over plain TCP; how calls look is a matter of SecureTransport's tests.
@Suite("grpc") struct GRPCForwarding {
    private static let known: ScriptedUpstream.Script = { query in
        query.parsed.name == "missing.test."
            ? [query.reply([], code: 3)] : [query.reply([.a(query.parsed.name, "192.0.2.1")])]
    }

    @Test("passes on what upstreams say, and counts it under CoreDNS' names")
    func reply() throws {
        let server = try MemoryServer("grpc . @UPSTREAM@", upstream: Self.known)
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.ask("missing.test. A") == "NXDOMAIN")
        let to = "to=\"\(server.upstreams[0].address)\""
        #expect(server.metric("coredns_grpc_requests_total{\(to)}") == "2")
        #expect(server.metric("coredns_grpc_responses_total{rcode=\"NXDOMAIN\",\(to)}") == "1")
        #expect(server.metric("coredns_grpc_request_duration_seconds_count{\(to)}") == "2")
        #expect(server.metric("coredns_proxy_") == nil)
        #expect(Set(server.queries.map(\.transport)) == [.tcp])
    }

    @Test("questions without RD are sent as they are")
    func withoutRecursion() throws {
        let server = try MemoryServer("grpc . @UPSTREAM@", upstream: Self.known)
        #expect(server.ask("a.test. A", recursionDesired: false).hasSuffix("a.test. 300 A 192.0.2.1"))
        #expect(try #require(server.queries.first).parsed.flags == 0)
    }

    @Test("except and other zones are none of its business")
    func zones() throws {
        let server = try MemoryServer("grpc test @UPSTREAM@ {\nexcept not.test\n}\nwhoami", upstream: Self.known)
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        _ = server.ask("a.not.test. A")
        _ = server.ask("a.example. A")
        #expect(server.queries.count == 1)
    }

    @Test(
        "fallthrough: NXDOMAIN is passed on to who is behind, where there is one",
        arguments: [
            ("", "whoami", "NXDOMAIN"), ("fallthrough", "whoami", "NOERROR"), ("fallthrough", "", "NXDOMAIN"),
            ("fallthrough test", "whoami", "NOERROR"), ("fallthrough other.test", "whoami", "NXDOMAIN"),
        ])
    func passedOn(_ option: String, _ behind: String, _ expected: String) throws {
        let server = try MemoryServer("grpc . @UPSTREAM@ {\n\(option)\n}\n\(behind)", upstream: Self.known)
        #expect(server.ask("missing.test. A").hasPrefix(expected))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("each upstream is asked once; then it fails, or passes on")
    func failure() throws {
        let (first, second) = (TestPorts.next(), TestPorts.next())
        let text = "grpc . \(first) \(second) {\npolicy sequential"
        let server = try MemoryServer(text + "\n}", upstream: Self.known)
        #expect(server.ask("a.test. A", dnssecOK: false) == "SERVFAIL ede=23")
        #expect(server.failures == ["read grpc \(second): connect: connection refused"])
        let other = try MemoryServer(text + "\nfallthrough\n}\nwhoami", upstream: Self.known)
        #expect(other.ask("a.test. A").hasPrefix("NOERROR"))
    }
}
