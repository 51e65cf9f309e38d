import ClusterModel
import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("kubernetes: ExternalName") struct ExternalNames {
    private static let objects =
        [
            namespace("shop"), service("shop/web", "10.96.0.10"), externalName("shop/out", "a.test"),
            externalName("shop/in", "web.shop.svc.cluster.local"),
            externalName("shop/gone", "ghost.shop.svc.cluster.local"),
            externalName("shop/both", "out.shop.svc.cluster.local"),
            externalName("shop/self", "self.shop.svc.cluster.local"),
            externalName("shop/ping", "pong.shop.svc.cluster.local"),
            externalName("shop/pong", "PING.shop.svc.cluster.local"),
        ]
        // Each leads to the one of the next lower number, the first to an address.
        + (1...17).map { number in
            externalName("shop/link-\(number)", "\(number == 1 ? "web" : "link-\(number - 1)").shop.svc.cluster.local")
        }

    private func server(_ script: @escaping ScriptedUpstream.Script) throws -> ClusterServer {
        try ClusterServer("kubernetes cluster.local\nforward . @UPSTREAM@", Self.objects, upstream: script)
    }

    private func plain() throws -> ClusterServer {
        try server { query in [query.reply([.a(query.parsed.name, "192.0.2.1")])] }
    }

    @Test("outside: our CNAME, then what the upstream says") func outside() throws {
        let dns = try server { [$0.reply([.cname("a.test.", "b.test."), .a("b.test.", "192.0.2.1")])] }
        #expect(
            try dns.ask("out.shop.svc.cluster.local. A") == """
                NOERROR aa
                out.shop.svc.cluster.local. 5 IN CNAME a.test.
                a.test. 300 IN CNAME b.test.
                b.test. 300 IN A 192.0.2.1
                """)
    }

    @Test("inside: the target's own records") func inside() throws {
        let dns = try plain()
        #expect(
            try dns.ask("in.shop.svc.cluster.local. A") == """
                NOERROR aa
                in.shop.svc.cluster.local. 5 IN CNAME web.shop.svc.cluster.local.
                web.shop.svc.cluster.local. 5 IN A 10.96.0.10
                """)
        #expect(
            try dns.ask("both.shop.svc.cluster.local. A") == """
                NOERROR aa
                both.shop.svc.cluster.local. 5 IN CNAME out.shop.svc.cluster.local.
                out.shop.svc.cluster.local. 5 IN CNAME a.test.
                a.test. 300 IN A 192.0.2.1
                """)
    }

    @Test("a question for the CNAME, or for all there is, ends at the name", arguments: ["CNAME", "ANY"])
    func aliasItself(_ type: String) throws {
        let dns = try plain()
        #expect(
            try dns.ask("out.shop.svc.cluster.local. \(type)")
                == "NOERROR aa\nout.shop.svc.cluster.local. 5 IN CNAME a.test.")
    }

    @Test(
        "the code is that of the chain's end (RFC 6604 §2.1)",
        arguments: [(0, "NOERROR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED")] as [(UInt8, String)])
    func codeOutside(_ code: UInt8, _ text: String) throws {
        let dns = try server { [$0.reply(code: code)] }
        #expect(
            try dns.ask("out.shop.svc.cluster.local. A")
                == "\(text) aa\nout.shop.svc.cluster.local. 5 IN CNAME a.test.")
    }

    @Test("a missing name inside is missing, and the zone says so") func missingInside() throws {
        let dns = try plain()
        #expect(
            try dns.ask("gone.shop.svc.cluster.local. A") == """
                NXDOMAIN aa
                gone.shop.svc.cluster.local. 5 IN CNAME ghost.shop.svc.cluster.local.
                cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5
                """)
        #expect(
            try dns.ask("in.shop.svc.cluster.local. TXT") == """
                NOERROR aa
                in.shop.svc.cluster.local. 5 IN CNAME web.shop.svc.cluster.local.
                cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5
                """)
    }

    @Test("nobody for names outside: the CNAME is the answer") func noForwarding() throws {
        let dns = try ClusterServer("kubernetes cluster.local", Self.objects)
        #expect(
            try dns.ask("out.shop.svc.cluster.local. A")
                == "NOERROR aa\nout.shop.svc.cluster.local. 5 IN CNAME a.test.")
    }

    @Test("loops are failures", arguments: ["self", "ping", "pong", "PoNg"]) func loops(_ name: String) throws {
        let dns = try plain()
        let answer = try dns.ask("\(name).shop.svc.cluster.local. A")
        #expect(answer.hasPrefix("SERVFAIL aa\n\(name).shop.svc.cluster.local. 5 IN CNAME "))
        #expect(dns.failures == ["the CNAME chain is a loop or too long"])
    }

    @Test("sixteen links are followed") func longestChain() throws {
        let dns = try plain()
        let lines = try dns.ask("link-16.shop.svc.cluster.local. A", edns: true).split(separator: "\n")
        #expect(lines.first == "NOERROR aa")
        #expect(lines.last == "web.shop.svc.cluster.local. 5 IN A 10.96.0.10")
        #expect(lines.count == 1 + 16 + 1)
    }

    @Test("the seventeenth is not") func tooLongChain() throws {
        let dns = try plain()
        let lines = try dns.ask("link-17.shop.svc.cluster.local. A", edns: true).split(separator: "\n")
        #expect(lines.first == "SERVFAIL aa")
        #expect(lines.dropFirst().allSatisfy { $0.contains(" IN CNAME ") })
        #expect(dns.failures == ["the CNAME chain is a loop or too long"])
    }
}
