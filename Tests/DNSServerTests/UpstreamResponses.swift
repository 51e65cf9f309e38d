import DNSServer
import DNSWire
import TestKit
import Testing
import Text

@Suite("replies of upstreams: what is taken of them") struct UpstreamResponses {
    private static let question = "www.Example.test. A"

    /// A reply to `question`, changed.
    private static func reply(
        to question: String = question, _ answers: [TestRecord] = [], authority: [TestRecord] = [],
        _ change: (inout [UInt8]) -> Void = { _ in }
    ) -> [UInt8] {
        let query = ReceivedQuery(octets: WireText.query(question, id: 7), transport: .udp, peer: nil, number: 0)
        var octets = query.reply(answers, authority: authority)
        change(&octets)
        return octets
    }

    /// What is read of a reply, or why it is not.
    private static func read(_ reply: [UInt8], to question: String = question) throws -> Result<
        UpstreamResponse, UpstreamResponseFault
    > {
        do {
            return .success(try UpstreamResponse(reply, to: WireText.query(question, id: 7)))
        } catch let fault as UpstreamResponseFault {
            return .failure(fault)
        }
    }

    /// As the response to a client that is sent it, or the fault.
    private static func text(_ reply: [UInt8], to question: String = question) throws -> String {
        switch try read(reply, to: question) {
        case .success(let response): WireText.text(try passedOn(response, to: question))
        case .failure(let fault): "\(fault)"
        }
    }

    /// What a client is sent that asked for just this.
    private static func passedOn(_ response: UpstreamResponse, to question: String, rotation: Int = 0) throws -> [UInt8]
    {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script { exchange in
                exchange.style.rotation = rotation
                return waiting.park()
            }, waiting: waiting)
        let asked = dns.begin(question, over: .tcp)
        waiting.go(.response(response))
        return try #require(asked.octets)
    }

    private static let address = TestRecord.a("www.Example.test.", "192.0.2.1")

    // MARK: Whose reply it is

    @Test("a reply to the question is passed on") func whole() throws {
        #expect(try Self.text(Self.reply([Self.address])) == "NOERROR\nwww.Example.test. 300 A 192.0.2.1")
    }

    static let mismatches: [(String, @Sendable (inout [UInt8]) -> Void)] = [
        ("another id", { $0[1] = 8 }), ("another id, in its first octet", { $0[0] = 1 }),
        ("a query", { $0[2] = 1 }), ("another opcode", { $0[2] = 0xA1 }),
        ("no question", { $0[5] = 0 }), ("two questions", { $0[5] = 2 }),
        ("another name", { $0[13] = UInt8(ascii: "v") }),
        ("the name in other letters", { $0[13] = UInt8(ascii: "W") }),
        ("another type", { $0[31] = 28 }), ("another class", { $0[33] = 3 }),
        ("a question that is cut", { $0.removeLast($0.count - 33) }),
        ("a header that is cut", { $0.removeLast($0.count - 11) }), ("nothing", { $0 = [] }),
    ]

    @Test("is not the reply that is waited for:", arguments: mismatches)
    func mismatched(_ sentence: String, _ change: @Sendable (inout [UInt8]) -> Void) throws {
        #expect(try Self.text(Self.reply([Self.address], change)) == "mismatched")
    }

    @Test(
        "a reply without a question is taken where the server did not understand it",
        arguments: [(1, "FORMERR"), (4, "NOTIMP")])
    func notUnderstood(_ code: UInt8, _ text: String) throws {
        let bare: [UInt8] = [0, 7, 0x81, 0x80 | code, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(try Self.text(bare) == text)
        let response = try Self.read(bare).get()
        #expect(!response.isPositive && !response.hasSOA && response.smallestTTL == nil)
    }

    @Test("but not for another code") func bareRefusal() throws {
        #expect(try Self.text([0, 7, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0]) == "mismatched")
    }

    @Test("a reply that was cut is to be asked for over TCP") func truncated() throws {
        #expect(try Self.text(Self.reply([Self.address]) { $0[2] |= 2 }) == "truncated")
    }

    @Test("the code goes to the client", arguments: [(0, "NOERROR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED")])
    func code(_ code: UInt8, _ text: String) throws {
        #expect(try Self.text(Self.reply { $0[3] |= code }) == text)
    }

    @Test("AA, RA and AD of the upstream are not the client's to see, and OPT is this server's own")
    func header() throws {
        let octets = try Self.passedOn(
            Self.read(Self.reply([Self.address]) { ($0[2], $0[3]) = (0x85, 0xA0) }).get(), to: Self.question)
        #expect(Array(octets[2..<4]) == [0x81, 0x00])
        #expect(try Self.read(Self.reply { $0[3] |= 0x20 }).get().authenticData)
        #expect(try !Self.read(Self.reply()).get().authenticData)
    }

    // MARK: Records of the answer

    @Test("a chain of aliases with what it leads to") func chain() throws {
        let answers: [TestRecord] = [
            .cname("WWW.example.test.", "a.test."), .cname("A.test.", "b.test."), .a("b.TEST.", "192.0.2.1"),
            .a("b.test.", "192.0.2.2"),
        ]
        #expect(
            try Self.text(Self.reply(answers)) == """
                NOERROR
                WWW.example.test. 300 CNAME a.test.
                A.test. 300 CNAME b.test.
                b.TEST. 300 A 192.0.2.1
                b.test. 300 A 192.0.2.2
                """)
    }

    @Test("records off the chain are left out") func offChain() throws {
        let answers: [TestRecord] = [
            .a("other.test.", "198.51.100.1"), .cname("www.example.test.", "b.test."),
            .a("www.example.test.", "198.51.100.2"), .a("b.test.", "192.0.2.1"), .cname("x.test.", "y.test."),
            .a("y.test.", "198.51.100.3"),
        ]
        #expect(
            try Self.text(Self.reply(answers)) == """
                NOERROR
                www.example.test. 300 CNAME b.test.
                b.test. 300 A 192.0.2.1
                """)
    }

    @Test("records of another type than was asked for are left out") func otherType() throws {
        let answers = [
            TestRecord(name: "www.example.test.", type: .aaaa, ttl: 300, data: [UInt8](repeating: 1, count: 16)),
            Self.address,
        ]
        #expect(try Self.text(Self.reply(answers)) == "NOERROR\nwww.Example.test. 300 A 192.0.2.1")
    }

    @Test("records of another class are left out, and are no answer") func otherClass() throws {
        let reply = Self.reply([Self.address]) { octets in
            // The class of the record, behind its owner and type.
            octets[octets.count - 11] = 3
        }
        #expect(try Self.text(reply) == "NOERROR")
        #expect(try !Self.read(reply).get().isPositive)
    }

    @Test("ANY takes what is at the name, and its alias, but not what is there") func any() throws {
        let answers: [TestRecord] = [Self.address, .cname("www.example.test.", "b.test."), .a("b.test.", "192.0.2.2")]
        #expect(
            try Self.text(Self.reply(to: "www.Example.test. ANY", answers), to: "www.Example.test. ANY") == """
                NOERROR
                www.Example.test. 300 A 192.0.2.1
                www.example.test. 300 CNAME b.test.
                """)
    }

    @Test("CNAME asks for the alias alone") func alias() throws {
        let answers: [TestRecord] = [.cname("www.example.test.", "b.test."), .cname("b.test.", "c.test.")]
        #expect(
            try Self.text(Self.reply(to: "www.Example.test. CNAME", answers), to: "www.Example.test. CNAME")
                == "NOERROR\nwww.example.test. 300 CNAME b.test.")
    }

    @Test("signatures and DNAME records pass, whatever they belong to") func signatures() throws {
        let signature = TestRecord(
            name: "www.example.test.", type: .rrsig, ttl: 300, data: [UInt8](repeating: 0, count: 20))
        let dname = TestRecord(name: "example.test.", type: .dname, ttl: 300, data: [1, 0x61, 0])
        #expect(
            try Self.text(Self.reply([dname, Self.address, signature])) == """
                NOERROR
                example.test. 300 DNAME
                www.Example.test. 300 A 192.0.2.1
                www.example.test. 300 RRSIG
                """)
    }

    @Test("an alias to itself is a loop") func shortestLoop() throws {
        #expect(try Self.text(Self.reply([.cname("www.example.test.", "WWW.example.TEST.")])) == "cnameLoop")
    }

    @Test("aliases that come back to where one was are a loop, wherever they began", arguments: [1, 2, 3])
    func loops(_ length: Int) throws {
        let names = ["www.example.test."] + (1...3).map { "\($0).test." }
        for target in 0..<length {
            let targets = names[1..<length] + [names[target].uppercased()]
            let reply = Self.reply(zip(names, targets).map { .cname($0, $1) })
            #expect(try Self.text(reply) == "cnameLoop", "\(length) aliases, back to \(names[target])")
        }
    }

    @Test("sixteen aliases are a chain, seventeen a loop") func longestChain() throws {
        func reply(_ links: Int) -> [UInt8] {
            Self.reply((0..<links).map { .cname($0 == 0 ? "www.example.test." : "\($0).test.", "\($0 + 1).test.") })
        }
        #expect(try Self.text(reply(16)).hasSuffix("15.test. 300 CNAME 16.test."))
        #expect(try Self.text(reply(17)) == "cnameLoop")
    }

    @Test("an answer is positive where its records lead to the asked type") func positive() throws {
        #expect(try Self.read(Self.reply([Self.address])).get().isPositive)
        #expect(try !Self.read(Self.reply([.cname("www.example.test.", "b.test.")])).get().isPositive)
        #expect(try !Self.read(Self.reply([.a("b.test.", "192.0.2.1")])).get().isPositive)
        #expect(try !Self.read(Self.reply()).get().isPositive)
    }

    // MARK: Records of authority

    @Test("of authority what denies or signs is taken; referrals and glue are not") func authority() throws {
        func record(_ type: RecordType) -> TestRecord {
            TestRecord(name: "example.test.", type: type, ttl: 300, data: [1, 0x61, 0])
        }
        let reply = Self.reply(authority: [
            record(.ns), .soa("example.test."), record(.nsec), record(.nsec3), record(.rrsig), record(.ds),
            record(.txt),
        ])
        #expect(
            try Self.text(reply) == """
                NOERROR
                example.test. 300 SOA
                example.test. 300 NSEC
                example.test. 300 NSEC3
                example.test. 300 RRSIG
                example.test. 300 DS
                """)
    }

    @Test("a negative answer that names its zone is known as one") func soa() throws {
        #expect(try Self.read(Self.reply(authority: [.soa("example.test.")])).get().hasSOA)
        #expect(try !Self.read(Self.reply()).get().hasSOA)
        // An SOA that was asked for is an answer.
        let asked = try Self.read(Self.reply(to: "a.test. SOA", [.soa("a.test.")]), to: "a.test. SOA").get()
        #expect(!asked.hasSOA && asked.isPositive)
    }

    // MARK: TTLs

    static let times: [(String, [TestRecord], [TestRecord], UInt32?)] = [
        (
            "the smallest of all records",
            [.cname("www.example.test.", "b.test.", ttl: 20), .a("b.test.", "192.0.2.1", ttl: 9)], [], 9
        ),
        ("none without records", [], [], nil),
        ("not that of a record that is left out", [address, .a("b.test.", "192.0.2.1", ttl: 1)], [], 300),
        ("zero where the top bit is set", [.a("www.example.test.", "192.0.2.1", ttl: 0x8000_0000)], [], 0),
        ("the greatest there is", [.a("www.example.test.", "192.0.2.1", ttl: 0x7FFF_FFFF)], [], 0x7FFF_FFFF),
        ("an SOA's minimum", [], [.soa("example.test.", ttl: 300, minimum: 60)], 60),
        ("an SOA's TTL, below its minimum", [], [.soa("example.test.", ttl: 30, minimum: 60)], 30),
        (
            "zero for an SOA whose TTL has the top bit set", [], [.soa("example.test.", ttl: 0x8000_0001, minimum: 60)],
            0
        ),
    ]

    @Test("how long it is kept:", arguments: times)
    func smallestTTL(_ sentence: String, _ answers: [TestRecord], _ authority: [TestRecord], _ ttl: UInt32?) throws {
        #expect(try Self.read(Self.reply(answers, authority: authority)).get().smallestTTL == ttl)
    }

    @Test("a TTL with its top bit set is zero for the client") func topBit() throws {
        let reply = Self.reply([.a("www.example.test.", "192.0.2.1", ttl: 0xFFFF_FFFF)])
        #expect(try Self.text(reply) == "NOERROR\nwww.example.test. 0 A 192.0.2.1")
    }

    static let ages: [(age: UInt32, minimum: UInt32, maximum: UInt32, ttls: [Int])] = [
        (0, 0, .max, [10, 100, 1000]), (5, 0, .max, [5, 95, 995]), (50, 0, .max, [0, 50, 950]),
        (0, 0, 60, [10, 60, 60]),
        (0, 30, .max, [30, 100, 1000]), (20, 30, 60, [10, 40, 40]), (70, 30, 60, [0, 0, 0]),
    ]

    @Test("the age of a reply is taken off each TTL, which is first brought within limits", arguments: ages)
    func age(_ given: (age: UInt32, minimum: UInt32, maximum: UInt32, ttls: [Int])) throws {
        let answers = [10, 100, 1000].map { TestRecord.a("a.test.", "192.0.2.1", ttl: $0) }
        let response = try UpstreamResponse("a.test. A", answers)
        let dns = try MemoryServer(
            Script("www.test. A") { $0.alias("a.test.") },
            Script { exchange in
                exchange.answer(with: response, age: given.age, minimumTTL: given.minimum, maximumTTL: given.maximum)
                return .answered
            })
        let lines = given.ttls.map { "a.test. \($0) A 192.0.2.1" }.joined(separator: "\n")
        #expect(dns.ask("a.test. A") == "NOERROR\n" + lines)
        // Behind an alias records are copied one by one, with the same TTLs.
        #expect(dns.ask("www.test. A") == "NOERROR aa\nwww.test. 60 CNAME a.test.\n" + lines)
    }

    // MARK: Which address comes first

    @Test("addresses go round, each with its TTL", arguments: 0..<8) func rotation(_ rotation: Int) throws {
        let answers = (0..<4).map { TestRecord.a("www.Example.test.", "192.0.2.\($0)", ttl: UInt32(10 + $0)) }
        let response = try Self.read(Self.reply(answers)).get()
        let lines = (0..<4).map { ($0 + rotation) % 4 }.map { "www.Example.test. \(10 + $0) A 192.0.2.\($0)" }
        let passed = WireText.text(try Self.passedOn(response, to: Self.question, rotation: rotation))
        #expect(passed == "NOERROR\n" + lines.joined(separator: "\n"))
    }

    @Test("an alias before them stays where it is", arguments: 0..<4) func rotationBehindAlias(_ rotation: Int) throws {
        let answers =
            [.cname("www.example.test.", "b.test.", ttl: 5)]
            + (0..<3).map { TestRecord.a("b.test.", "192.0.2.\($0)", ttl: UInt32(10 + $0)) }
        let response = try Self.read(Self.reply(answers, authority: [.soa("test.", ttl: 9)])).get()
        let lines = (0..<3).map { ($0 + rotation) % 3 }.map { "b.test. \(10 + $0) A 192.0.2.\($0)" }
        let passed = WireText.text(try Self.passedOn(response, to: Self.question, rotation: rotation))
        let end = ["test. 9 SOA"]
        #expect(
            passed == "NOERROR\n" + (["www.example.test. 5 CNAME b.test."] + lines + end).joined(separator: "\n"))
    }

    @Test("records that are no addresses keep their order") func noRotation() throws {
        let answers = (0..<3).map { number in
            TestRecord(name: "a.test.", type: .mx, ttl: UInt32(number), data: [0, UInt8(number), 0])
        }
        let response = try Self.read(Self.reply(to: "a.test. MX", answers), to: "a.test. MX").get()
        let passed = WireText.text(try Self.passedOn(response, to: "a.test. MX", rotation: 1))
        #expect(passed == "NOERROR\na.test. 0 MX\na.test. 1 MX\na.test. 2 MX")
    }

    // MARK: Behind aliases

    @Test("behind an alias of this server's the answer is passed on, what is said of its zone is not")
    func behindAlias() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script("a.test. A") { $0.alias("b.test.") }, Script { _ in waiting.park() }, waiting: waiting)
        let positive = dns.begin("a.test. A")
        try waiting.answer("b.test. A", [.a("b.test.", "192.0.2.1")], authority: [.soa("test.")])
        #expect(positive.text == "NOERROR aa\na.test. 60 CNAME b.test.\nb.test. 300 A 192.0.2.1")
        let negative = dns.begin("a.test. A")
        try waiting.answer("b.test. A", authority: [.soa("test.")], code: 3)
        #expect(negative.text == "NXDOMAIN aa\na.test. 60 CNAME b.test.")
    }

    @Test("what does not fit is cut, authority without a word") func cut() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting)
        // 24 octets before the records, 16 for each address.
        func ask(_ count: Int) throws -> [Substring] {
            let asked = dns.begin("a.test. A")
            let addresses = (0..<count).map { TestRecord.a("a.test.", "192.0.2.\($0)") }
            try waiting.answer("a.test. A", addresses, authority: [.soa("test.")])
            return asked.text.split(separator: "\n")
        }
        #expect(try ask(27).last == "test. 300 SOA")
        let full = try ask(30)
        #expect(full[0] == "NOERROR")
        #expect(full.last == "a.test. 300 A 192.0.2.29")
        let cut = try ask(31)
        #expect(cut[0] == "NOERROR tc")
        #expect(cut.last == "a.test. 300 A 192.0.2.29")
    }

    @Test("CD comes back to a client that sent it") func checkingDisabled() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A", checkingDisabled: true)
        try waiting.answer("a.test. A")
        #expect(asked.text == "NOERROR cd")
    }

    // MARK: What is malformed

    static let malformed: [(String, [UInt8])] = [
        ("fewer records than announced", reply([address]) { $0[7] = 2 }),
        ("a record that is cut", reply([address]) { $0.removeLast(2) }),
        ("data longer than the message", reply([address]) { $0[$0.count - 5] = 9 }),
        (
            "an address of three octets",
            reply([TestRecord(name: "www.example.test.", type: .a, ttl: 1, data: [1, 2, 3])])
        ),
        ("an alias without a target", reply([TestRecord(name: "www.example.test.", type: .cname, ttl: 1, data: [])])),
        (
            "an alias with octets behind its target",
            reply([TestRecord(name: "www.example.test.", type: .cname, ttl: 1, data: [0, 0])])
        ),
        (
            "an alias that points at itself",
            reply([TestRecord(name: "www.example.test.", type: .cname, ttl: 1, data: [0xC0, 63])])
        ),
        ("an SOA without numbers", reply(authority: [TestRecord(name: "test.", type: .soa, ttl: 1, data: [0, 0])])),
        ("more records than any answer has", reply([address]) { ($0[6], $0[9]) = (0x10, 0x01) }),
        ("a name with a label of a reserved kind", reply([address]) { $0[34] = 0x80 }),
    ]

    @Test("is not passed on, though it is the reply:", arguments: malformed)
    func broken(_ sentence: String, _ octets: [UInt8]) throws {
        #expect(try Self.text(octets) == "malformed")
    }

    @Test("no octets end the server: random changes to a reply are read or refused", arguments: 0..<20 as Range<UInt64>)
    func anyOctets(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let whole = Self.reply(
            [.cname("www.Example.test.", "b.test."), .a("b.test.", "192.0.2.1"), .a("b.test.", "192.0.2.2")],
            authority: [.soa("test."), TestRecord(name: "test.", type: .mx, ttl: 1, data: [0, 1, 0])])
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script("alias.test. A") { $0.alias("www.Example.test.") }, Script { _ in waiting.park() }, waiting: waiting)
        var taken = 0
        for _ in 0..<100 {
            var octets = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 4..<octets.count, using: &random)
                octets[place] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { octets.removeLast(Int.random(in: 0..<octets.count / 2, using: &random)) }
            guard case .success(let response) = try Self.read(octets) else { continue }
            taken += 1
            // Whatever is taken can be passed on, to its own question and behind an alias.
            for question in [Self.question, "alias.test. A"] {
                let asked = dns.begin(question)
                waiting.go(.response(response))
                #expect(!asked.text.contains("broken"))
            }
        }
        #expect(taken > 0)
    }
}
