import AllocationCounter
import ClusterModel
import DNSWire
import Foundation
import Synchronization
import Telemetry
import Testing

/// The budget files beside this one.
enum BudgetFile {
    struct Answers: Decodable {
        var answers: Int
        var burst: Int
        var scenarios: [String: Scenario]
        /// What a question costs that has to be asked upstream.
        var upstream: Scenario
    }

    struct Scenario: Decodable {
        var allocations: Int
        var recvmmsg: Int
        var sendmmsg: Int
        var epollWait: Int
        var why: String
    }

    struct Octets: Decodable {
        var octets: Double
        var why: String
    }

    static func read<Content: Decodable>(_ name: String, as type: Content.Type = Content.self) throws -> Content {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: name)
        return try JSONDecoder().decode(type, from: Data(contentsOf: file))
    }
}

@Suite("what an answer may cost", .serialized) struct AnswerBudgets {
    /// A question, and the counts of the header that show that its answer is what the scenario's name says.
    struct Scenario: Sendable, CustomTestStringConvertible {
        let name: String
        let question: String
        var edns = false
        var isStale = false
        var isLogged = false
        let code: UInt16
        /// Answer, authority, additional.
        let counts: [UInt16]
        var testDescription: String { name }
    }

    static let scenarios = [
        Scenario(name: "cluster A", question: "web.shop.svc.cluster.local. A", code: 0, counts: [1, 0, 0]),
        Scenario(
            name: "cluster A, EDNS", question: "web.shop.svc.cluster.local. A", edns: true, code: 0, counts: [1, 0, 1]),
        Scenario(
            name: "cluster A, logged", question: "web.shop.svc.cluster.local. A", isLogged: true, code: 0,
            counts: [1, 0, 0]),
        Scenario(
            name: "cluster A, EDNS, old data", question: "web.shop.svc.cluster.local. A", edns: true, isStale: true,
            code: 0, counts: [1, 0, 1]),
        Scenario(
            name: "cluster SRV with additionals", question: "_http._tcp.db.shop.svc.cluster.local. SRV", code: 0,
            counts: [3, 0, 3]),
        Scenario(
            name: "cluster NXDOMAIN", question: "ghost.shop.svc.cluster.local. A", code: 3, counts: [0, 1, 0]),
        Scenario(
            name: "cluster NODATA", question: "web.shop.svc.cluster.local. AAAA", code: 0, counts: [0, 1, 0]),
        Scenario(name: "cluster PTR", question: "10.0.96.10.in-addr.arpa. PTR", code: 0, counts: [1, 0, 0]),
        Scenario(
            name: "cluster ExternalName", question: "inner.shop.svc.cluster.local. A", code: 0, counts: [2, 0, 0]),
        Scenario(name: "zone A", question: "www.zone.test. A", code: 0, counts: [1, 1, 0]),
        Scenario(name: "zone wildcard, EDNS", question: "x.wild.zone.test. A", edns: true, code: 0, counts: [1, 1, 1]),
        Scenario(name: "zone CNAME", question: "alias.zone.test. A", code: 0, counts: [2, 1, 0]),
        Scenario(name: "zone NXDOMAIN", question: "no.zone.test. A", code: 3, counts: [0, 1, 0]),
        Scenario(name: "zone delegation", question: "a.child.zone.test. A", code: 0, counts: [0, 1, 1]),
        Scenario(name: "cached forward", question: "a.test. A", code: 0, counts: [1, 0, 0]),
        Scenario(
            name: "cached forward, EDNS", question: "a.test. A", edns: true, code: 0, counts: [1, 0, 1]),
        Scenario(
            name: "ExternalName to cached forward", question: "outer.shop.svc.cluster.local. A", code: 0,
            counts: [2, 0, 0]),
    ]

    private static let cluster: [ClusterObject] = {
        func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "shop", name: name) }
        func service(_ name: String, _ addressing: ServiceObject.Addressing) -> ClusterObject {
            .service(
                ServiceObject(
                    key: key(name), addressing: addressing,
                    ports: [ObjectPort(name: "http", transport: "TCP", number: 80)]))
        }
        let endpoints = (1...3).map { Endpoint(addresses: [IPAddress(v4: 0x0A00_0100 + $0)], hostname: "db-\($0)") }
        return [
            .namespace(NamespaceObject(name: "shop")), service("web", .cluster([IPAddress(v4: 0x0A60_000A)])),
            service("db", .headless),
            .endpointSlice(
                EndpointSliceObject(
                    key: key("db-1"), service: "db",
                    ports: [ObjectPort(name: "http", transport: "TCP", number: 80)], endpoints: endpoints)),
            service("inner", .externalName("web.shop.svc.cluster.local")), service("outer", .externalName("a.test")),
        ]
    }()

    private static let zone = """
        @ 300 SOA ns h 1 7200 1800 86400 60
        @ 300 NS ns
        ns 300 A 192.0.2.1
        www 300 A 192.0.2.2
        alias 300 CNAME www
        *.wild 300 A 192.0.2.3
        child 300 NS ns.child
        ns.child 300 A 192.0.2.4
        """

    /// The Corefile that clusters are installed with, and a zone file, but for what only serves status pages.
    private static func server(upstream: CountedServer, _ scenario: Scenario) throws -> CountedServer {
        try CountedServer(
            """
            errors
            \(scenario.isLogged ? "log" : "")
            prometheus 127.0.0.1:9153
            cache 30
            loadbalance
            kubernetes cluster.local in-addr.arpa ip6.arpa {
                pods insecure
                fallthrough in-addr.arpa ip6.arpa
                ttl 30
            }
            file /zone zone.test
            loop
            forward . \(upstream.address)
            """, zone: zone, cluster: cluster, isStale: scenario.isStale)
    }

    @Test("on the loop's thread, for every 10,000 answers", arguments: scenarios)
    func answers(_ scenario: Scenario) throws {
        let file = try BudgetFile.read("answer.json", as: BudgetFile.Answers.self)
        let budget = try #require(file.scenarios[scenario.name])
        let upstream = try CountedServer("hosts {\n192.0.2.1 a.test\n}")
        let server = try Self.server(upstream: upstream, scenario)
        let query = try #require(Self.query(scenario))
        let first = try server.ask(query)
        withBytes(first) { message in
            #expect(message.uint16(at: 2) & 0xF == scenario.code)
            #expect([6, 8, 10].map { message.uint16(at: $0) } == scenario.counts)
            // The option of an extended error is the last of the message: code 15, two octets, the error (RFC 8914 §2).
            if scenario.isStale { #expect(message.array.suffix(6) == [0, 15, 0, 2, 0, 3]) }
        }
        server.settle()
        let lines = LineCount()
        Log.install(lines)
        let cost = try server.cost(of: query, bursts: file.answers / file.burst, burst: file.burst)
        server.settle()
        // Four bursts before counting begins, then three counts.
        let logged = scenario.isLogged ? 4 * file.burst + 3 * file.answers : 0
        #expect(lines.count.load(ordering: .relaxed) == logged)
        print("\(scenario.name): \(cost) for \(file.answers) answers")
        #expect(cost.allocations <= budget.allocations, "\(budget.why)")
        #expect(cost.recvmmsg <= budget.recvmmsg)
        #expect(cost.sendmmsg <= budget.sendmmsg)
        #expect(cost.epollWait <= budget.epollWait)
    }

    /// Questions of which none was asked before, so that each goes to the upstream and back.
    @Test("asked upstream, for every 10,000 answers")
    func upstream() throws {
        let file = try BudgetFile.read("answer.json", as: BudgetFile.Answers.self)
        let upstream = try CountedServer("template IN A test {\nanswer \"{{ .Name }} 60 IN A 192.0.2.1\"\n}")
        let server = try CountedServer("forward . \(upstream.address)")
        let query = try #require(Self.query(Scenario(name: "", question: "n0000000.test. A", code: 0, counts: [])))
        let cost = try server.cost(bursts: file.answers / file.burst, burst: file.burst) { number in
            var query = query
            for (place, digit) in String(number).utf8.reversed().enumerated() { query[20 - place] = digit }
            return query
        }
        print("asked upstream: \(cost) for \(file.answers) answers")
        #expect(cost.allocations <= file.upstream.allocations, "\(file.upstream.why)")
        // How many replies one call finds is a matter of luck; less than one call for each query and each reply, always.
        #expect(cost.recvmmsg <= file.upstream.recvmmsg)
        #expect(cost.sendmmsg <= file.upstream.sendmmsg)
    }

    @Test("every scenario has a budget and every budget a scenario") func complete() throws {
        let file = try BudgetFile.read("answer.json", as: BudgetFile.Answers.self)
        #expect(Set(file.scenarios.keys) == Set(Self.scenarios.map(\.name)))
        #expect(file.scenarios.values.allSatisfy { !$0.why.isEmpty })
    }

    private static func query(_ scenario: Scenario) -> [UInt8]? {
        let words = scenario.question.split(separator: " ").map(String.init)
        guard let name = Name.wireKeepingCase(words[0]), let type = RecordType(words[1]) else { return nil }
        let head: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, scenario.edns ? 1 : 0]
        return head + name + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, 1]
            + (scenario.edns ? [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0] : [])
    }
}

private final class LineCount: LogSink {
    let count = Atomic<Int>(0)

    func write(_ octets: borrowing [UInt8], lines: Int) { count.wrappingAdd(lines, ordering: .relaxed) }
}

@Suite("the counter counts") struct Counter {
    @Test("what this thread allocates, by every way there is") func allocations() {
        let before = ac_counts_of_this_thread()
        // The compiler cannot leave out what it cannot see through.
        let object = ByteBlock(capacity: Int.random(in: 10_000...20_000))
        let array = [UInt8](repeating: .random(in: 0...255), count: .random(in: 10_000...20_000))
        let after = ac_counts_of_this_thread()
        #expect(after.allocations - before.allocations >= 3)
        #expect(after.octets - before.octets >= 20_000)
        withExtendedLifetime((object, array)) {}
    }

    @Test("what libraries allocate for this thread") func libraries() {
        let before = ac_counts_of_this_thread()
        // libc's own code calls malloc here, not this program.
        let folder = unsafe opendir("/")
        let after = ac_counts_of_this_thread()
        #expect(after.allocations > before.allocations)
        if let folder = unsafe folder { unsafe closedir(folder) }
    }
}
