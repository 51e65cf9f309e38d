import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("loadbalance: which address comes first") struct LoadBalanceAnswers {
    private static let names =
        (1...4).map { "10.0.0.\($0) a.test" }.joined(separator: "\n") + "\nfd00::1 a.test\nfd00::2 a.test"

    private func server(_ line: String, _ weights: String = "") throws -> MemoryServer {
        try MemoryServer("\(line)\nhosts /names", files: ["/names": Self.names, "/weights": weights])
    }

    /// The last octets of the addresses, in order.
    private func order(_ server: MemoryServer, _ type: String = "A") -> String {
        server.ask("a.test. \(type)").split(separator: "\n").dropFirst()
            .compactMap { $0.last.map(String.init) }.joined()
    }

    @Test("without it always the same") func none() throws {
        let server = try server("")
        for _ in 0..<20 { #expect(order(server) == "1234") }
    }

    @Test("round robin: each comes first, and all are there", arguments: ["loadbalance", "loadbalance round_robin"])
    func roundRobin(_ line: String) throws {
        let server = try server(line)
        var first: Set<Character> = []
        for _ in 0..<100 {
            let order = order(server)
            #expect(order.sorted() == ["1", "2", "3", "4"])
            first.formUnion(order.prefix(1))
        }
        #expect(first.count == 4)
    }

    @Test("weights: the heavy one comes first by its share, the others keep their order") func weighted() throws {
        let server = try server(
            "loadbalance weighted /weights", "# clients\nA.test\n10.0.0.3 97 # nearly always\nfd00::2 1\n")
        var heavy = 0
        for _ in 0..<200 {
            let order = order(server)
            #expect(["1234", "2134", "3214", "4231"].contains(order))
            if order.hasPrefix("3") { heavy += 1 }
        }
        // 97 of 100: 150 of 200 or fewer happen once in 10^27 runs.
        #expect(heavy > 150 && heavy < 201)
        #expect(["12", "21"].contains(order(server, "AAAA")))
    }

    @Test("addresses of a name that the file does not have weigh the same") func otherNames() throws {
        let server = try server("loadbalance weighted /weights", "b.test\n10.0.0.3 255")
        var first: [Character: Int] = [:]
        for _ in 0..<400 {
            let order = order(server)
            #expect(["1234", "2134", "3214", "4231"].contains(order))
            first[order.first ?? "0", default: 0] += 1
        }
        // 100 of 400 each: 40 or fewer happen once in 10^13 runs.
        #expect(first.count == 4 && first.values.allSatisfy { $0 > 40 }, "\(first)")
    }

    @Test("preferred networks come first, in whatever order they have") func preferred() throws {
        let server = try server("loadbalance {\nprefer 10.0.0.3/32 10.0.0.4 fd00::2\n}")
        for _ in 0..<50 {
            #expect(["3412", "3421", "4312", "4321"].contains(order(server)))
            #expect(order(server, "AAAA") == "21")
        }
        let both = try self.server("loadbalance weighted /weights {\nprefer 10.0.0.4\n}", "a.test\n10.0.0.2 255")
        for _ in 0..<50 { #expect(order(both).hasPrefix("4")) }
    }

    @Test("addresses of an upstream, with their TTLs, behind an alias") func upstream() throws {
        let server = try MemoryServer("loadbalance {\nprefer 192.0.2.2\n}\nforward . @UPSTREAM@") { query in
            [
                query.reply([
                    .cname("x.test.", "y.test."), .a("y.test.", "192.0.2.1", ttl: 10),
                    .a("y.test.", "192.0.2.2", ttl: 20),
                ])
            ]
        }
        let got = server.ask("x.test. A")
        #expect(
            got
                == "NOERROR\nx.test. 300 CNAME y.test.\ny.test. 20 A 192.0.2.2\ny.test. 10 A 192.0.2.1",
            "\(server.failures)")
    }

    @Test("a file that is not there yet is waited for, unless it is read once only") func waited() throws {
        #expect(TestPlan.errors("loadbalance weighted /later") == "no errors")
        #expect(
            TestPlan.errors("loadbalance weighted /later {\nreload 0s\n}")
                == "loadbalance: found /later: no such file, expected a file of names, each with its addresses and weights"
        )
    }

    @Test("a share for each weight") func shares() {
        let chosen = (0..<7).map { LoadBalanceHandler.choose([1, 4, 2], at: $0) }
        #expect(chosen == [0, 1, 1, 1, 1, 2, 2])
    }

    @Test("a changed file is taken over; one with a mistake changes nothing") func reload() throws {
        // The plugin reads the same file again; only its content decides.
        let weights = try AddressWeights("a.test\n10.0.0.1 5\n10.0.0.2 255")
        #expect(
            withBytes(Name("A.test")?.wire ?? []) { weights.weights($0) } == [
                IPAddress(v4: 0x0A00_0001): 5, IPAddress(v4: 0x0A00_0002): 255,
            ])
        #expect(withBytes(Name("b.test")?.wire ?? []) { weights.weights($0) } == nil)
    }

    @Test(
        "files that are wrong",
        arguments: [
            ("10.0.0.1 3", "line 1: found 10.0.0.1, expected a domain name before its addresses"),
            ("a.test\n\n10.0.0.1 0", "line 3: found 0, expected a weight from 1 to 255"),
            ("a.test\nx 1", "line 2: found x, expected an IP address"),
            ("a.test\n10.0.0.1", "line 2: found 10.0.0.1, expected a domain name, or an address and its weight"),
            ("a.test b 1", "line 1: found 3 words, expected a name, or an address and its weight"),
        ])
    func files(_ text: String, _ error: String) {
        #expect(
            TestPlan.errors("loadbalance weighted /weights", files: ["/weights": text])
                == "loadbalance: found /weights: \(error), expected a file of names, each with its addresses and weights"
        )
    }

    @Test(
        "lines that are wrong",
        arguments: [
            ("loadbalance random", "loadbalance: found random, expected round_robin or weighted"),
            ("loadbalance weighted", "loadbalance: found nothing after argument 1, expected the file of weights"),
            (
                "loadbalance {\nprefer 10.0.0.0/40\n}",
                "loadbalance: found prefer 10.0.0.0/40, expected an IP address or network such as 10.0.0.0/8"
            ),
            ("loadbalance {\nreload 5s\n}", "loadbalance: found reload without weighted, expected weighted FILE"),
        ])
    func errors(_ line: String, _ error: String) {
        #expect(TestPlan.errors(line) == error)
    }
}
