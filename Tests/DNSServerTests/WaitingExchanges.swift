import DNSServer
import DNSWire
import EventLoop
import TestKit
import Testing

@Suite("chain: what is known of a query survives waiting for the network") struct WaitingExchanges {
    /// Something that is known of a query, and how it looks for `query` here.
    struct Property: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let value: String
        let read: @Sendable (borrowing Exchange) -> String
        let set: @Sendable (inout Exchange) -> Void

        init(
            _ sentence: String, _ value: String, _ read: @escaping @Sendable (borrowing Exchange) -> String,
            set: @escaping @Sendable (inout Exchange) -> Void = { _ in }
        ) {
            (testDescription, self.value, self.read, self.set) = (sentence, value, read, set)
        }
    }

    static let query = ClientQuery("Client.TEST A") { query in
        query.flags = 0x0110
        query.edns = ClientQuery.OPT(payloadSize: 800, dnssecOK: true, options: [0, 10, 0, 3, 7, 8, 9])
    }.octets

    static let properties = [
        Property("the client's address", "192.0.2.77:40000") { "\($0.client)" },
        Property("the transport", "udp") { $0.transport.text },
        Property("the most octets the client takes", "800") { "\($0.sizeLimit)" },
        Property("when the query came, in nanoseconds", "1000000000000") { "\($0.received)" },
        Property("where it was received", "127.0.0.1:53") { $0.server.map { "\($0)" } ?? "nowhere" },
        Property("which address is to come first", "3") {
            "\($0.style.rotation)"
        } set: {
            $0.style.rotation = 3
        },
        Property("that a record of our own was written", "true") {
            "\($0.isAuthoritative)"
        } set: {
            $0.isAuthoritative = true
        },
        Property("that the name is known not to exist", "true") {
            "\($0.isMissing)"
        } set: {
            $0.isMissing = true
        },
        Property("that it is the client's own question", "true") { "\($0.isFirstQuestion)" },
        Property("the question, in the client's letter case", "Client.TEST. A") { $0.asks },
        Property("the question's name, letters folded", "client.test.") { $0.question.folded.nameText },
        Property("the class", "1") { "\($0.question.class)" },
        Property("the query's id", "4660") { "\($0.asked.id)" },
        Property("the name as the client sent it", "Client.TEST.") { $0.asked.name.nameText },
        Property("the name as the client sent it, folded", "client.test.") { $0.asked.folded.nameText },
        Property("that the client wants recursion", "true") { "\($0.asked.recursionDesired)" },
        Property("that the client checks signatures itself", "true") { "\($0.asked.checkingDisabled)" },
        Property("that the client wants signatures", "true") { "\($0.asked.edns?.dnssecOK ?? false)" },
        Property("the client's EDNS options", "[0, 10, 0, 3, 7, 8, 9]") { exchange in
            guard let edns = exchange.asked.edns else { return "none" }
            return "\(exchange.message.slice(edns.optionsOffset, edns.optionsLength).array)"
        },
        Property("all octets of the query", "\(query)") { "\($0.message.array)" },
        Property("a header bit set before", "true") {
            "\($0.response.flags & HeaderFlag.authenticData != 0)"
        } set: {
            $0.response.flags |= HeaderFlag.authenticData
        },
        Property("records written before", "1") {
            "\($0.response.additionals)"
        } set: { exchange in
            withBytes([1, 0x61]) { text in
                _ = exchange.response.appendRecord(owner: 12, type: .txt, ttl: 1, data: text, in: .additional)
            }
        },
    ]

    /// Notes what a query looks like each time the first handler meets it, and answers questions that come between.
    private static func observed(_ property: Property, _ note: @escaping (String) -> Void) -> Script {
        Script { exchange in
            guard exchange.asks == "Client.TEST. A" else {
                return exchange.asks.hasPrefix("between") ? exchange.alias("a.name.that.fills.memory.example.") : .next
            }
            property.set(&exchange)
            note("in " + property.read(exchange))
            return .next
        }
        .receiving { _, exchange in note("received " + property.read(exchange)) }
        .recovering { exchange in
            note("failed " + property.read(exchange))
            return false
        }
        .finishing { exchange in
            if exchange.asked.name.nameText == "Client.TEST." { note("out " + property.read(exchange)) }
        }
    }

    /// Other questions, whose octets lie where those of a waiting query lay.
    private static func disturb(_ dns: MemoryServer) {
        dns.advance(.seconds(2))
        for number in 0..<3 {
            _ = dns.begin("between.\(number).other.example. TXT", over: .tcp, dnssecOK: false, from: "198.51.100.3")
        }
    }

    @Test("answered by the network, it still has", arguments: properties) func response(_ property: Property) throws {
        var notes: [String] = []
        let waiting = Waiting()
        let dns = try MemoryServer(
            Self.observed(property) { notes.append($0) }, Script("Client.TEST. A") { _ in waiting.park() },
            waiting: waiting)
        let asked = dns.begin(Self.query, from: "192.0.2.77")
        Self.disturb(dns)
        #expect(asked.text == "silence")
        try waiting.answer("Client.TEST. A", [.a("Client.TEST.", "192.0.2.1")])
        let value = property.value
        #expect(notes == ["in \(value)", "received \(value)", "out \(value)"])
        #expect(asked.text.hasSuffix("Client.TEST. 300 A 192.0.2.1") || property.testDescription.hasPrefix("records"))
    }

    @Test("failed by the network, it still has", arguments: properties) func failure(_ property: Property) throws {
        var notes: [String] = []
        let waiting = Waiting()
        let dns = try MemoryServer(
            Self.observed(property) { notes.append($0) }, Script("Client.TEST. A") { _ in waiting.park() },
            waiting: waiting)
        let asked = dns.begin(Self.query, from: "192.0.2.77")
        Self.disturb(dns)
        waiting.fail(.serverFailure, .networkError)
        let value = property.value
        #expect(notes == ["in \(value)", "failed \(value)", "out \(value)"])
        #expect(asked.text.hasPrefix("SERVFAIL"))
    }

    @Test("having waited twice, once for a question inside, it still has", arguments: properties)
    func twice(_ property: Property) throws {
        var notes: [String] = []
        let waiting = Waiting()
        let dns = try MemoryServer(
            Self.observed(property) { notes.append($0) },
            Script("Client.TEST. A", asks: "inner.test. A") { _, exchange in
                notes.append("between " + property.read(exchange))
                return .next
            },
            Script { $0.asks == "a.name.that.fills.memory.example. TXT" ? .next : waiting.park() }, waiting: waiting)
        let asked = dns.begin(Self.query, from: "192.0.2.77")
        Self.disturb(dns)
        try waiting.answer("inner.test. A", [.a("inner.test.", "192.0.2.9")])
        Self.disturb(dns)
        #expect(asked.text == "silence")
        try waiting.answer("Client.TEST. A", [.a("Client.TEST.", "192.0.2.1")])
        let value = property.value
        #expect(notes == ["in \(value)", "between \(value)", "received \(value)", "out \(value)"])
        #expect(asked.octets != nil)
    }

    // MARK: What has a test of its own

    @Test("where CNAMEs led it: the answer behind them is completed") func aliases() throws {
        let waiting = Waiting()
        var targets: [String] = []
        let dns = try MemoryServer(
            Script("client.test. A") { $0.alias("One.test.") }, Script("One.test. A") { $0.alias("two.TEST.") },
            Script { exchange in
                targets.append("\(exchange.asks) \(exchange.question.folded.nameText)")
                return waiting.park()
            }
            .finishing { targets.append("\($0.asks) \($0.question.folded.nameText) \($0.isFirstQuestion)") },
            waiting: waiting)
        let asked = dns.begin("client.test. A")
        Self.disturbOnce(dns)
        try waiting.answer("two.TEST. A", [.a("two.TEST.", "192.0.2.1", ttl: 7)])
        #expect(
            asked.text == """
                NOERROR aa
                client.test. 60 CNAME One.test.
                One.test. 60 CNAME two.TEST.
                two.TEST. 7 A 192.0.2.1
                """)
        #expect(targets == ["two.TEST. A two.test."])
    }

    /// A question of no script, whose name is longer than those of the tests.
    private static func disturbOnce(_ dns: MemoryServer) {
        _ = dns.begin(ClientQuery("elsewhere.and.longer.than.others.example. TXT") { $0.class = 3 }.octets)
    }

    @Test("the aliases of a query that failed are its answer, with the reason") func failedAliases() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script("client.test. A") { $0.alias("out.test.") }, Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("client.test. A", dnssecOK: false)
        waiting.fail(.serverFailure, .noReachableAuthority)
        #expect(asked.text == "SERVFAIL aa ede=22\nclient.test. 60 CNAME out.test.")
    }

    @Test("how many questions led to it: sixteen may, before and behind the wait together")
    func depth() throws {
        let waiting = Waiting()
        // 1.test. leads to 2.test. and so on; 9.test. asks the network first.
        func server(_ last: Int) throws -> MemoryServer {
            try MemoryServer(
                Script("9.test. A", asks: "inner.test. A") { _, exchange in exchange.alias("10.test.") },
                Script { exchange in
                    if exchange.asks == "inner.test. A" { return waiting.park() }
                    guard let number = Int(exchange.question.name.nameText.dropLast(6)) else { return .dropped }
                    return number == last ? exchange.answer("192.0.2.1") : exchange.alias("\(number + 1).test.")
                }, waiting: waiting)
        }
        let longest = try server(17)
        let answered = longest.begin("1.test. A", over: .tcp)
        try waiting.answer("inner.test. A")
        #expect(answered.text.hasSuffix("16.test. 60 CNAME 17.test.\n17.test. 60 A 192.0.2.1"))
        let longer = try server(18)
        let refused = longer.begin("1.test. A", over: .tcp)
        try waiting.answer("inner.test. A")
        #expect(refused.text.hasPrefix("SERVFAIL aa\n"))
        #expect(refused.text.hasSuffix("\n17.test. 60 CNAME 18.test."))
    }

    @Test("a loop of aliases is found across the wait") func loop() throws {
        let waiting = Waiting()
        var reasons: [String?] = []
        let dns = try MemoryServer(
            Script().finishing { reasons.append($0.failure) }, Script("a.test. A") { $0.alias("b.test.") },
            Script("b.test. A", asks: "inner.test. A") { _, exchange in exchange.alias("A.test.") },
            Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        try waiting.answer("inner.test. A")
        #expect(asked.text == "SERVFAIL aa\na.test. 60 CNAME b.test.\nb.test. 60 CNAME A.test.")
        #expect(reasons == ["the CNAME chain is a loop or too long"])
    }

    @Test("the extended error set before, with its text") func extendedError() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script("client.test. A") { exchange in
                exchange.response.extendedError = ExtendedError(code: 29, text: Array("half asleep".utf8))
                return waiting.park()
            }, waiting: waiting)
        let asked = dns.begin("client.test. A", dnssecOK: false)
        Self.disturbOnce(dns)
        try waiting.answer("client.test. A", [.a("client.test.", "192.0.2.1")])
        #expect(asked.text == "NOERROR\nclient.test. 300 A 192.0.2.1")
        #expect(asked.extendedError?.code == 29)
        #expect(asked.extendedError?.text == "half asleep")
    }

    @Test("the reason of a failure noted before, unless there is a newer one") func reason() throws {
        let waiting = Waiting()
        var reasons: [String?] = []
        let dns = try MemoryServer(
            Script { exchange in
                exchange.failure = "noted before"
                return waiting.park()
            }
            .finishing { reasons.append($0.failure) }, waiting: waiting)
        _ = dns.begin("client.test. A")
        try waiting.answer("client.test. A")
        _ = dns.begin("client.test. A")
        waiting.fail(because: "noted later")
        #expect(reasons == ["noted before", "noted later"])
    }

    @Test("who answered: the plugin that waited, however it ended") func answeredBy() throws {
        let waiting = Waiting()
        var names: [String] = []
        let dns = try MemoryServer(
            Script().finishing { names.append($0.answeredBy) }, Script(), Script { _ in waiting.park() },
            waiting: waiting)
        _ = dns.begin("client.test. A")
        try waiting.answer("client.test. A")
        _ = dns.begin("client.test. A")
        waiting.fail()
        #expect(names == ["three", "three"])
    }

    @Test("names in records written before are those that later records point at") func compression() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script("www.client.test. A") { exchange in
                withBytes(Name.wireKeepingCase("x.away.example.") ?? []) { owner in
                    exchange.response.beginRecord(owner: owner, type: .txt, class: RecordClass.internet, ttl: 1)
                }
                exchange.response.write(UInt16(0x0161))
                guard exchange.response.endRecord(in: .answer) else { return .dropped }
                return exchange.alias("far.away.example.")
            },
            Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("www.client.test. A")
        Self.disturbOnce(dns)
        try waiting.answer(
            "far.away.example. A",
            [.cname("far.away.example.", "next.away.example."), .a("next.away.example.", "192.0.2.1")])
        #expect(
            asked.text == """
                NOERROR aa
                x.away.example. 1 TXT
                www.client.test. 60 CNAME far.away.example.
                far.away.example. 300 CNAME next.away.example.
                next.away.example. 300 A 192.0.2.1
                """)
        // Header and question, the TXT record and the CNAME in full, a CNAME from `far` to `next`, each with a pointer to
        // what follows `x`, and an address whose owner is a pointer: 33 + 28 + 30 + 23 + 16.
        #expect(asked.octets?.count == 130)
    }

    @Test("the size limit of its transport: what does not fit is cut at it", arguments: [nil, false])
    func sizeLimit(_ dnssecOK: Bool?) throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting)
        let addresses = (0..<100).map { TestRecord.a("client.test.", "192.0.2.\($0)") }
        let datagram = dns.begin("client.test. A", dnssecOK: dnssecOK)
        try waiting.answer("client.test. A", addresses)
        // 29 octets before the records, 16 for each, 11 for OPT.
        let (size, count) = dnssecOK == nil ? (509, 30) : (1224, 74)
        #expect(datagram.octets?.count == size)
        #expect(datagram.text.hasPrefix("NOERROR tc\nclient.test. 300 A 192.0.2.0\n"))
        #expect(datagram.text.split(separator: "\n").count == 1 + count)
        let stream = dns.begin("client.test. A", over: .tcp, dnssecOK: dnssecOK)
        try waiting.answer("client.test. A", addresses)
        #expect(stream.text.hasSuffix("client.test. 300 A 192.0.2.99"))
    }

    private static let cluster = [namespace("shop"), externalName("shop/out", "a.test")]

    @Test("the extended error of old data, whether the target is asked upstream or kept") func oldData() throws {
        let corefile = "kubernetes cluster.local\ncache\nforward . @UPSTREAM@"
        let dns = try MemoryServer(corefile, Self.cluster) { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        try #require(dns.cluster).growOld()
        let answer = "NOERROR aa ede=3\nout.shop.svc.cluster.local. 5 CNAME a.test.\na.test. 300 A 192.0.2.1"
        #expect(dns.ask("out.shop.svc.cluster.local. A", dnssecOK: false) == answer)
        #expect(dns.queries.count == 1)
        #expect(dns.ask("out.shop.svc.cluster.local. A", dnssecOK: false) == answer)
        #expect(dns.queries.count == 1)
    }
}
