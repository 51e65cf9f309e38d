import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("chain: the way out, in the reverse order of the way in") struct WayOut {
    /// A script that notes each of its turns on the way out under its name.
    private final class Log {
        var lines: [String] = []

        func noting(_ name: String, _ script: Script = Script()) -> Script {
            script.finishing { _ in self.lines.append("\(name) finish") }
                .receiving { response, _ in self.lines.append("\(name) received \(response.answers)") }
                .recovering { _ in
                    self.lines.append("\(name) recover")
                    return false
                }
        }
    }

    @Test("finish: the handlers that the query met, last first, the one that answered among them") func order() throws {
        let log = Log()
        let dns = try MemoryServer(
            log.noting("one"), log.noting("two"), log.noting("three", Script { $0.answer("192.0.2.1") }),
            log.noting("four"))
        _ = dns.ask("a.test. A")
        #expect(log.lines == ["three finish", "two finish", "one finish"])
    }

    @Test("finish: all of them where nobody wanted the question") func nobody() throws {
        let log = Log()
        let dns = try MemoryServer(log.noting("one"), log.noting("two"))
        _ = dns.ask("a.test. A")
        #expect(log.lines == ["two finish", "one finish"])
    }

    @Test("finish sees the whole response, its size and code") func response() throws {
        var seen: [String] = []
        let dns = try MemoryServer(
            Script().finishing { exchange in
                seen.append("\(exchange.response.code) \(exchange.response.answers) \(exchange.responseSize)")
                let head = exchange.response.written.uint16(at: 2)
                seen.append(head & HeaderFlag.authoritative != 0 ? "aa" : "")
            },
            Script { $0.answer("192.0.2.1") })
        _ = dns.ask("a.test. A", dnssecOK: false)
        // Header and question, one address, OPT.
        #expect(seen == ["NOERROR 1 \(24 + 16 + 11)", "aa"])
    }

    @Test("finish is for the block of the client's question, not for that of a CNAME's target") func firstBlock() throws
    {
        let log = Log()
        let dns = try MemoryServer(blocks: [
            ScriptedBlock(
                "a.test",
                scripts: [log.noting("one"), log.noting("two", Script { $0.alias("x.b.test.") }), log.noting("three")]),
            ScriptedBlock("b.test", scripts: [log.noting("other", Script { $0.answer("192.0.2.1") })]),
        ])
        _ = dns.ask("x.a.test. A")
        #expect(log.lines == ["two finish", "one finish"])
    }

    @Test("finish: each handler once, even where a CNAME leads back into its block") func sameBlock() throws {
        let log = Log()
        let dns = try MemoryServer(
            log.noting("one"), log.noting("two", Script("a.test. A") { $0.alias("b.test.") }),
            log.noting("three", Script { $0.answer("192.0.2.1") }))
        _ = dns.ask("a.test. A")
        // The third met the target only.
        #expect(log.lines == ["two finish", "one finish"])
    }

    @Test("finish is not for a query that gets no response") func dropped() throws {
        let log = Log()
        let dns = try MemoryServer(log.noting("one"), log.noting("two", Script { _ in .dropped }))
        _ = dns.ask("a.test. A")
        #expect(log.lines.isEmpty)
    }

    @Test("received: the handlers before the one that waited, last first, then finish of all") func received() throws {
        let log = Log()
        let waiting = Waiting()
        let dns = try MemoryServer(
            log.noting("one"), log.noting("two"), log.noting("three", Script { _ in waiting.park() }),
            log.noting("four"), waiting: waiting)
        let asked = dns.begin("a.test. A")
        #expect(log.lines.isEmpty)
        try waiting.answer("a.test. A", [.a("a.test.", "192.0.2.1")])
        #expect(
            log.lines == ["two received 1", "one received 1", "three finish", "two finish", "one finish"])
        #expect(asked.text == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("received is not for answers from memory") func memory() throws {
        let log = Log()
        let dns = try MemoryServer(log.noting("one"), Script { $0.answer("192.0.2.1") })
        _ = dns.ask("a.test. A")
        #expect(log.lines == ["one finish"])
    }

    @Test("received may change the response that is passed on") func changed() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script().receiving { _, exchange in
                exchange.response.removeRecords(exchange.asked)
                exchange.response.code = .nameError
            },
            Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        try waiting.answer("a.test. A", [.a("a.test.", "192.0.2.1")])
        #expect(asked.text == "NXDOMAIN")
    }

    @Test("recover: the handlers before, last first, until one writes an answer") func recover() throws {
        let log = Log()
        let waiting = Waiting()
        let dns = try MemoryServer(
            log.noting("one"),
            log.noting("two").recovering { exchange in
                log.lines.append("two recover \(exchange.response.code)")
                (exchange.response.code, exchange.response.extendedError) = (.noError, .staleAnswer)
                _ = exchange.answer("192.0.2.7")
                return true
            },
            log.noting("three"), Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A", dnssecOK: false)
        waiting.fail(.serverFailure, .networkError)
        #expect(log.lines == ["three recover", "two recover SERVFAIL", "three finish", "two finish", "one finish"])
        #expect(asked.text == "NOERROR aa ede=3\na.test. 60 A 192.0.2.7")
    }

    @Test("a failure that nobody stands in for is the answer") func unrecovered() throws {
        let log = Log()
        let waiting = Waiting()
        let dns = try MemoryServer(log.noting("one"), Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A", dnssecOK: false)
        waiting.fail(.refused, .prohibited)
        #expect(log.lines == ["one recover", "one finish"])
        #expect(asked.text == "REFUSED ede=18")
    }

    @Test("behind a CNAME: received is for the target's block, finish for the first") func receivedBehindAlias() throws
    {
        let log = Log()
        let waiting = Waiting()
        let dns = try MemoryServer(
            blocks: [
                ScriptedBlock(
                    "a.test", scripts: [log.noting("one"), log.noting("two", Script { $0.alias("x.b.test.") })]),
                ScriptedBlock("b.test", scripts: [log.noting("other"), Script { _ in waiting.park() }]),
            ], waiting: waiting)
        _ = dns.begin("x.a.test. A")
        try waiting.answer("x.b.test. A", [.a("x.b.test.", "192.0.2.1")])
        #expect(log.lines == ["other received 1", "two finish", "one finish"])
        log.lines = []
        _ = dns.begin("x.a.test. A")
        waiting.fail()
        #expect(log.lines == ["other recover", "two finish", "one finish"])
    }

    @Test("behind a CNAME within one block: received is for all handlers before the one that waited")
    func receivedInBlock()
        throws
    {
        let log = Log()
        let waiting = Waiting()
        let dns = try MemoryServer(
            log.noting("one", Script("a.test. A") { $0.alias("b.test.") }), log.noting("two"),
            Script { _ in waiting.park() }, waiting: waiting)
        _ = dns.begin("a.test. A")
        try waiting.answer("b.test. A", [.a("b.test.", "192.0.2.1")])
        #expect(log.lines == ["two received 1", "one received 1", "one finish"])
    }
}
