import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("acceptance: what is answered, or not, before any plugin is asked") struct Refusals {
    /// A message, and what becomes of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let octets: [UInt8]
        let text: String

        init(_ sentence: String, _ text: String, _ query: ClientQuery) {
            (testDescription, self.text, octets) = (sentence, text, query.octets)
        }

        init(_ sentence: String, _ text: String, octets: [UInt8]) {
            (testDescription, self.text, self.octets) = (sentence, text, octets)
        }
    }

    private static func query(_ change: (inout ClientQuery) -> Void) -> ClientQuery { ClientQuery("a.test. A", change) }

    private static let plain = ClientQuery("a.test. A").octets
    /// 252 octets of a name: one label of one octet and the root make 255.
    private static let labels = (0..<126).flatMap { _ in [1, 0x61] as [UInt8] }

    static let accepted = [
        Case("a question alone", "NOERROR", octets: plain),
        Case("a question with OPT", "NOERROR", query { $0.edns = .init() }),
        Case("any id and any of RD, AD, CD and the reserved bit", "NOERROR cd", query { $0.flags = 0x0170 }),
        Case("the truncation bit, which says nothing in a query", "NOERROR", query { $0.flags = 0x0200 }),
        Case(
            "whole options of OPT, known or not", "NOERROR",
            query {
                $0.edns = .init(options: [0, 10, 0, 2, 1, 2, 0xFD, 0xE9, 0, 0])
            }),
        Case("the root", "NOERROR", ClientQuery(". NS")),
        Case("a name of 255 octets", "NOERROR", octets: Array(plain[..<12]) + labels + [1, 0x61, 0, 0, 1, 0, 1]),
        Case("a type nobody knows", "NOERROR", ClientQuery("a.test. TYPE65280")),
        Case(
            "IXFR with the SOA that the client has", "NOERROR",
            ClientQuery("a.test. IXFR") { query in
                (query.counts, query.records) = ([1, 0, 1, 0], [.soa("a.test.")])
            }),
    ]

    static let rejected = [
        Case("another class", "REFUSED", query { $0.class = 3 }),
        Case("class ANY", "REFUSED", query { $0.class = 255 }),
        Case("class NONE", "REFUSED", query { $0.class = 254 }),
        Case("inverse queries", "NOTIMP", query { $0.flags = 1 << 11 }),
        Case("status queries", "NOTIMP", query { $0.flags = 2 << 11 }),
        Case("notifications of zones that are not copied here", "NOTIMP", query { $0.flags = 4 << 11 }),
        Case("updates", "NOTIMP", query { $0.flags = 5 << 11 }),
        Case("an opcode nobody knows", "NOTIMP", query { $0.flags = 15 << 11 }),
        Case("no question", "FORMERR", query { $0.counts = [0, 0, 0, 0] }),
        Case("two questions", "FORMERR", query { $0.counts = [2, 0, 0, 0] }),
        Case(
            "an answer in the query", "FORMERR",
            query { ($0.counts, $0.records) = ([1, 1, 0, 0], [.a("a.test.", "192.0.2.1")]) }),
        Case(
            "authority in the query", "FORMERR", query { ($0.counts, $0.records) = ([1, 0, 1, 0], [.soa("a.test.")]) }),
        Case(
            "a record other than OPT in the additional section", "FORMERR",
            query {
                ($0.counts, $0.records) = ([1, 0, 0, 1], [.a("a.test.", "192.0.2.1")])
            }),
        Case(
            "two OPT records", "FORMERR",
            query { query in
                (query.counts, query.edns) = ([1, 0, 0, 2], .init())
                query.rest = [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]
            }),
        Case("an OPT record that is announced and missing", "FORMERR", query { $0.counts = [1, 0, 0, 1] }),
        Case(
            "an OPT record with a name", "FORMERR",
            query { query in
                (query.counts, query.rest) = ([1, 0, 0, 1], [1, 0x61, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0])
            }),
        Case("an option that is cut", "FORMERR", query { $0.edns = .init(options: [0, 10, 0, 9, 1]) }),
        Case("octets behind the records", "FORMERR", query { ($0.edns, $0.rest) = (.init(), [0]) }),
        Case("octets behind the question", "FORMERR", query { $0.rest = [0] }),
        Case("type 0", "FORMERR", ClientQuery("a.test. TYPE0")),
        Case("type OPT", "FORMERR", ClientQuery("a.test. OPT")),
        Case("type TSIG", "FORMERR", ClientQuery("a.test. TSIG")),
        Case("type TKEY", "FORMERR", ClientQuery("a.test. TKEY")),
        Case("a question that is cut", "FORMERR", octets: Array(plain.dropLast())),
        Case("a name that is cut", "FORMERR", octets: Array(plain.prefix(15))),
        Case("a header alone", "FORMERR", octets: Array(plain.prefix(12))),
        Case("a name that is a pointer", "FORMERR", octets: Array(plain.prefix(12)) + [0xC0, 12, 0, 1, 0, 1]),
        Case("a label of a reserved kind", "FORMERR", octets: Array(plain.prefix(12)) + [0x41, 0x61, 0, 0, 1, 0, 1]),
        Case(
            "a name of 256 octets", "FORMERR",
            octets: Array(plain.prefix(12)) + labels + [2, 0x61, 0x61, 0, 0, 1, 0, 1]),
    ]

    static let dropped = [
        Case("nothing", "silence", octets: []), Case("less than a header", "silence", octets: Array(plain.prefix(11))),
        Case("a response", "silence", query { $0.flags = 0x8180 }),
        Case("a response of another opcode", "silence", query { $0.flags = 0xA000 }),
    ]

    private static func server(_ note: @escaping () -> Void) throws -> MemoryServer {
        try MemoryServer(
            Script { exchange in
                note()
                if exchange.asked.checkingDisabled { exchange.response.flags |= HeaderFlag.checkingDisabled }
                return .answered
            })
    }

    @Test("a handler is asked of", arguments: accepted) func isAccepted(_ given: Case) throws {
        var count = 0
        let dns = try Self.server { count += 1 }
        #expect(dns.begin(given.octets, over: .tcp).text == given.text)
        #expect(count == 1)
        #expect(dns.metric("coredns_dns_rejected_total") == "0")
        #expect(dns.metric("coredns_dns_dropped_total") == "0")
    }

    @Test("no handler is asked, and the client is told, of", arguments: rejected) func isRejected(_ given: Case) throws
    {
        var count = 0
        let dns = try Self.server { count += 1 }
        for transport in [Transport.udp, .tcp] {
            let asked = dns.begin(given.octets, over: transport)
            #expect(asked.text == given.text)
            #expect(asked.octets?.prefix(2) == given.octets.prefix(2))
        }
        #expect(count == 0)
        #expect(dns.metric("coredns_dns_rejected_total") == "2")
        #expect(dns.metric("coredns_dns_dropped_total") == "0")
    }

    @Test("nothing is said to", arguments: dropped) func isDropped(_ given: Case) throws {
        var count = 0
        let dns = try Self.server { count += 1 }
        let asked = dns.begin(given.octets)
        guard case .invalid = asked.answer else {
            Issue.record("a transport must be told that this was no query")
            return
        }
        #expect(count == 0)
        #expect(dns.metric("coredns_dns_rejected_total") == "0")
        #expect(dns.metric("coredns_dns_dropped_total") == "1")
    }

    @Test(
        "a later version of EDNS: BADVERS in header and OPT together, which says version 0",
        arguments: [1, 255] as [UInt8])
    func version(_ version: UInt8) throws {
        let dns = try MemoryServer(Script { _ in .answered })
        let query = ClientQuery("a.test. A") { $0.edns = .init(version: version, dnssecOK: true) }
        let octets = try #require(dns.begin(query.octets).octets)
        #expect(octets[3] & 0xF == 0)
        #expect(octets.suffix(11) == [0, 0, 41, 0x04, 0xD0, 1, 0, 0x80, 0, 0, 0])
        #expect(dns.metric("coredns_dns_rejected_total") == "1")
    }

    @Test("a rejection repeats the question where it was whole, and the opcode") func repeated() throws {
        let dns = try MemoryServer(Script { _ in .answered })
        let whole = try #require(dns.begin(ClientQuery("A.test. A") { $0.class = 3 }.octets).octets)
        #expect(whole[12...] == ClientQuery("A.test. A") { $0.class = 3 }.octets[12...])
        let update = try #require(dns.begin(ClientQuery("A.test. A") { $0.flags = 5 << 11 }.octets).octets)
        #expect(update == [0x12, 0x34, 0xA8, 0x04, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    static let saidWithOPT = [
        Case("another opcode", "NOTIMP", query { ($0.flags, $0.edns) = (2 << 11, .init()) }),
        Case("three additional records", "FORMERR", query { ($0.counts, $0.edns) = ([1, 0, 0, 3], .init()) }),
        Case(
            "an update", "NOTIMP",
            query { query in
                (query.flags, query.counts, query.edns) = (5 << 11, [1, 0, 1, 1], .init())
                query.records = [.soa("a.test.")]
            }),
        Case(
            "an answer", "FORMERR",
            query { ($0.counts, $0.records, $0.edns) = ([1, 1, 0, 1], [.a("a.test.", "192.0.2.1")], .init()) }),
        Case(
            "no question", "FORMERR",
            octets: [0x12, 0x34, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 0xD0, 0, 0, 0, 0, 0, 0]),
    ]

    @Test(
        "what the header alone rejects is answered with OPT where it has OPT: RFC 6891 §6.1.1", arguments: saidWithOPT)
    func withOPT(_ given: Case) throws {
        let dns = try MemoryServer(Script { _ in .answered })
        let asked = dns.begin(given.octets)
        let octets = try #require(asked.octets)
        #expect(octets[3] & 0xF == (given.text == "NOTIMP" ? 4 : 1))
        #expect(octets[4...] == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0])
    }

    @Test("and without where it cannot be read, or stands too far away") func withoutOPT() throws {
        let dns = try MemoryServer(Script { _ in .answered })
        let opt: [UInt8] = [0, 0, 41, 4, 0xD0, 0, 0, 0, 0, 0, 0]
        let far = Self.query { ($0.flags, $0.counts, $0.edns) = (5 << 11, [17, 0, 0, 1], .init()) }.octets
        let cut = [0x12, 0x34, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1] + opt.dropLast()
        for message in [far, cut] {
            let octets = try #require(dns.begin(message).octets)
            #expect(octets.count == 12)
        }
    }

    static let sizes: [(UInt16?, Int)] = [
        // Without EDNS 512 octets; with it what the client says, between 512 and what this server allows.
        (nil, 512), (0, 512), (511, 512), (512, 512), (513, 513), (1231, 1231), (1232, 1232), (1233, 1232),
        (4096, 1232),
        (65535, 1232),
    ]

    @Test("how long a datagram may be", arguments: sizes) func size(_ announced: UInt16?, _ limit: Int) throws {
        var limits: [Int] = []
        let dns = try MemoryServer(
            Script { exchange in
                limits.append(exchange.sizeLimit)
                withBytes([UInt8](repeating: 0, count: 65535)) { data in
                    // One record that is one octet too long, then one that fits exactly.
                    let left = limit - exchange.response.count - 12 - (announced == nil ? 0 : 11)
                    let long = exchange.response.appendRecord(
                        owner: 12, type: .txt, ttl: 1, data: data.slice(0, left + 1), in: .answer)
                    #expect(!long)
                    let fitting = exchange.response.appendRecord(
                        owner: 12, type: .txt, ttl: 1, data: data.slice(0, left), in: .answer)
                    #expect(fitting)
                }
                return .answered
            })
        let query = ClientQuery("a.test. A") { $0.edns = announced.map { ClientQuery.OPT(payloadSize: $0) } }
        #expect(dns.begin(query.octets).octets?.count == limit)
        #expect(limits == [limit])
    }
}
