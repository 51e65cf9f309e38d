import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("chain: places for queries that wait") struct Parking {
    @Test("as many queries wait as there are places; the next is told that there is none") func capacity() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting, places: 2)
        let waits = [dns.begin("a.test. A"), dns.begin("b.test. A")]
        #expect(dns.ask("c.test. A") == "SERVFAIL")
        #expect(waits.allSatisfy { $0.text == "silence" })
        try waiting.answer("a.test. A", [.a("a.test.", "192.0.2.1")])
        #expect(waits[0].text == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(dns.ask("c.test. A") == "silence")
        #expect(dns.ask("d.test. A") == "SERVFAIL")
    }

    @Test("a client that asks without end leaves places for others, and gets them back when its own are free")
    func shares() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script { waiting.park(for: "\($0.client.address)") }, waiting: waiting, places: 16)
        let greedy = (0..<20).map { dns.begin("\($0).test. A", from: "192.0.2.1") }
        // Seven times as many as are free: 14 of 16.
        #expect(greedy.map(\.text) == Array(repeating: "silence", count: 14) + Array(repeating: "SERVFAIL", count: 6))
        #expect(dns.ask("a.test. A", from: "192.0.2.2") == "silence")
        #expect(dns.ask("b.test. A", from: "2001:db8::2") == "silence")
        #expect(dns.ask("c.test. A", from: "192.0.2.3") == "SERVFAIL")
        for _ in 0..<3 { waiting.fail() }
        #expect(dns.ask("d.test. A", from: "192.0.2.1") == "silence")
    }

    @Test("a place is free again however its query ended") func freed() throws {
        let waiting = Waiting()
        var verdict = Verdict.next
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { _, _ in verdict }, Script { _ in waiting.park() },
            waiting: waiting,
            places: 2)
        for ending: Verdict in [.answered, .dropped, .failed(.refused)] {
            verdict = ending
            _ = dns.begin("a.test. A")
            waiting.fail()
        }
        for _ in 0..<5 {
            _ = dns.begin("c.test. A")
            waiting.fail()
        }
        let two = [dns.begin("c.test. A"), dns.begin("c.test. A")]
        #expect(two.allSatisfy { $0.text == "silence" })
    }

    @Test("each gets its own answer, in whatever order the network gives them") func order() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting)
        let names = ["a.test.", "b.test.", "c.test."]
        let asked = names.map { dns.begin("\($0) A") }
        let places = waiting.places
        for number in [2, 0, 1] {
            let response = try UpstreamResponse("\(names[number]) A", [.a(names[number], "192.0.2.\(number)")])
            dns.chain.resume(places[number], with: .response(response))
        }
        #expect(asked.map(\.text) == (0..<3).map { "NOERROR\n\(names[$0]) 300 A 192.0.2.\($0)" })
    }

    @Test("what comes too late does nothing, though another query waits in the same place") func late() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting, places: 1)
        let first = dns.begin("a.test. A")
        let place = try #require(waiting.places.first)
        waiting.fail(.refused)
        #expect(first.text == "REFUSED")
        let late = Resolution.response(try UpstreamResponse("b.test. A", [.a("b.test.", "192.0.2.66")]))
        dns.chain.resume(place, with: late)
        let second = dns.begin("b.test. A")
        dns.chain.resume(place, with: late)
        #expect(second.text == "silence")
        try waiting.answer("b.test. A", [.a("b.test.", "192.0.2.1")])
        #expect(second.text == "NOERROR\nb.test. 300 A 192.0.2.1")
        dns.chain.resume(place, with: late)
        #expect(first.text == "REFUSED")
    }

    @Test("a query goes on once, and a second answer to it does nothing") func twice() throws {
        let waiting = Waiting()
        var finished = 0
        let dns = try MemoryServer(
            Script { _ in waiting.park() }.finishing { _ in finished += 1 }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        let place = try #require(waiting.places.first)
        for _ in 0..<3 { dns.chain.resume(place, with: .failed(.nameError, nil, because: "")) }
        #expect(asked.text == "NXDOMAIN")
        #expect(finished == 1)
    }

    @Test("queries longer than most have room, and responses written before too") func long() throws {
        let waiting = Waiting()
        var lengths: [Int] = []
        let dns = try MemoryServer(
            Script { exchange in
                for number in 0..<200 { _ = exchange.answer("192.0.2.\(number)") }
                return waiting.park()
            }.finishing { lengths.append($0.message.count) }, waiting: waiting)
        let options = [0, 12] + ClientQuery.pair(8000) + [UInt8](repeating: 7, count: 8000)
        let query = ClientQuery("a.test. A") { $0.edns = .init(options: options) }.octets
        let asked = dns.begin(query, over: .tcp)
        try waiting.answer("a.test. A", [.a("a.test.", "198.51.100.1")])
        #expect(lengths == [query.count])
        let lines = asked.text.split(separator: "\n")
        #expect(lines.count == 1 + 201)
        #expect(lines[200] == "a.test. 60 A 192.0.2.199")
        #expect(lines[201] == "a.test. 300 A 198.51.100.1")
    }

    // MARK: Another plan meanwhile

    @Test("a query that waits while the plan is replaced goes on with the handlers it met") func replaced() throws {
        let waiting = Waiting()
        var notes: [String] = []
        let dns = try MemoryServer(
            blocks: [
                ScriptedBlock(
                    ".", scripts: [Script().finishing { _ in notes.append("old") }, Script { _ in waiting.park() }])
            ], waiting: waiting)
        let asked = dns.begin("a.test. A")
        dns.replace(by: [ScriptedBlock(".", scripts: [Script { _ in .failed(.refused) }])])
        #expect(dns.ask("a.test. A") == "REFUSED")
        try waiting.answer("a.test. A", [.a("a.test.", "192.0.2.1")])
        #expect(asked.text == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(notes == ["old"])
    }

    @Test("and the target of a CNAME is asked of the new plan") func replacedRouter() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            blocks: [
                ScriptedBlock(
                    "a.test",
                    scripts: [
                        Script("x.a.test. A", asks: "y.a.test. A") { _, exchange in exchange.alias("z.b.test.") },
                        Script { _ in waiting.park() },
                    ]),
                ScriptedBlock("b.test", scripts: [Script { $0.answer("192.0.2.1") }]),
            ], waiting: waiting)
        let asked = dns.begin("x.a.test. A")
        dns.replace(by: [ScriptedBlock("b.test", scripts: [Script { $0.answer("192.0.2.2") }])])
        waiting.fail()
        #expect(asked.text == "NOERROR aa\nx.a.test. 60 CNAME z.b.test.\nz.b.test. 60 A 192.0.2.2")
    }

    @Test("a query whose place is served no more is answered all the same") func placeGone() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        dns.replace(by: [])
        #expect(dns.ask("a.test. A") == "silence")
        try waiting.answer("a.test. A", [.a("a.test.", "192.0.2.1")])
        #expect(asked.text == "NOERROR\na.test. 300 A 192.0.2.1")
    }
}
