import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("chain: questions asked again for what handlers hear") struct BackgroundQuestions {
    /// What `Script`s need of a server that is made of them.
    private final class Later {
        var server: MemoryServer?
    }

    /// Answers from memory and asks again, as a cache does whose answer grows old.
    private static func refreshing(_ later: Later) -> Script {
        Script("a.test. A") { exchange in
            later.server?.chain.askInBackground(exchange)
            return exchange.answer("192.0.2.1")
        }
    }

    @Test("the client has its answer at once; handlers behind are asked, those before and the asker hear the response")
    func refreshed() throws {
        let (waiting, later) = (Waiting(), Later())
        var notes: [String] = []
        func noting(_ name: String, _ script: Script = Script()) -> Script {
            script.finishing { _ in notes.append("\(name) finish") }.receiving { response, exchange in
                notes.append("\(name) received \(response.answers) for \(exchange.asks)")
            }
        }
        let dns = try MemoryServer(
            noting("one"), noting("two", Self.refreshing(later)), noting("three"),
            noting("four", Script { _ in waiting.park() }), waiting: waiting)
        later.server = dns
        defer { later.server = nil }
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 A 192.0.2.1")
        #expect(notes == ["two finish", "one finish"])
        notes = []
        try waiting.answer("a.test. A", [.a("a.test.", "192.0.2.2")])
        let heard = "received 1 for a.test. A"
        #expect(notes == ["three \(heard)", "two \(heard)", "one \(heard)"])
    }

    @Test("a failure is heard in the same way, and goes to nobody") func failed() throws {
        let (waiting, later) = (Waiting(), Later())
        var notes: [String] = []
        let dns = try MemoryServer(
            Script().recovering { _ in
                notes.append("one")
                return false
            },
            Self.refreshing(later).recovering { _ in
                notes.append("two")
                return false
            }, Script { _ in waiting.park() }, waiting: waiting)
        later.server = dns
        defer { later.server = nil }
        let asked = dns.begin("a.test. A")
        waiting.fail()
        #expect(notes == ["two", "one"])
        #expect(asked.text == "NOERROR aa\na.test. 60 A 192.0.2.1")
    }

    @Test("an answer from memory behind is heard by nobody, and no handler sees the end of the question") func memory()
        throws
    {
        let later = Later()
        var notes: [String] = []
        let dns = try MemoryServer(
            Self.refreshing(later),
            Script { exchange in
                notes.append("asked \(exchange.asks) over \(exchange.transport.text)")
                return exchange.answer("192.0.2.2")
            }.finishing { _ in notes.append("finish") })
        later.server = dns
        defer { later.server = nil }
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 A 192.0.2.1")
        #expect(notes == ["asked a.test. A over tcp"])
    }

    @Test("CNAMEs are not followed: who asked wants to know of its own name") func aliases() throws {
        let later = Later()
        var asked: [String] = []
        let dns = try MemoryServer(
            Script { exchange in
                asked.append(exchange.asks)
                return .next
            }, Self.refreshing(later), Script { $0.alias("b.test.") })
        later.server = dns
        defer { later.server = nil }
        _ = dns.ask("a.test. A")
        #expect(asked == ["a.test. A"])
    }

    @Test("the target of a CNAME is not asked again: the question would be the client's") func notOfTargets() throws {
        let later = Later()
        var asked: [String] = []
        let dns = try MemoryServer(
            Script("www.test. A") { $0.alias("a.test.") }, Self.refreshing(later),
            Script { exchange in
                asked.append(exchange.asks)
                return .dropped
            })
        later.server = dns
        defer { later.server = nil }
        #expect(dns.ask("www.test. A") == "NOERROR aa\nwww.test. 60 CNAME a.test.\na.test. 60 A 192.0.2.1")
        #expect(asked.isEmpty)
    }

    @Test("the client's address, OPT and header bits are those of the question") func inherited() throws {
        let later = Later()
        var seen: [String] = []
        let dns = try MemoryServer(
            Self.refreshing(later),
            Script { exchange in
                let asked = exchange.asked
                seen.append("\(exchange.client) \(asked.edns?.payloadSize ?? 0) \(asked.checkingDisabled)")
                seen.append(exchange.server == nil ? "nowhere" : "somewhere")
                return .answered
            })
        later.server = dns
        defer { later.server = nil }
        let query = ClientQuery("a.test. A") { query in
            query.flags = 0x0110
            query.edns = .init(payloadSize: 700)
        }
        _ = dns.begin(query.octets, from: "192.0.2.9")
        #expect(seen == ["192.0.2.9:40000 700 true", "nowhere"])
    }

    @Test("handlers behind may ask for themselves, and wait, in the background too") func inner() throws {
        let (waiting, later) = (Waiting(), Later())
        var told: [String] = []
        let dns = try MemoryServer(
            Self.refreshing(later),
            Script("a.test. A", asks: "inner.test. A") { response, exchange in
                exchange.take(response)
                told.append("\(response.answers) \(exchange.response.answers)")
                return .answered
            }, Script { _ in waiting.park() }, waiting: waiting)
        later.server = dns
        defer { later.server = nil }
        for _ in 0..<3 { _ = dns.ask("a.test. A") }
        for number in 0..<3 {
            try waiting.answer("inner.test. A", (0...number).map { .a("inner.test.", "192.0.2.\($0)") })
        }
        #expect(told == ["1 1", "2 2", "3 3"])
    }
}
