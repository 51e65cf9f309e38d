import TestKit
import Testing

@Suite("erratic: late, cut, or no answers") struct ErraticAnswers {
    private func answers(_ block: String, _ question: String = "a.test. A", count: Int = 4) throws -> [String] {
        let server = try MemoryServer("erratic\(block)")
        return (0..<count).map { _ in server.ask(question) }
    }

    private static let whole = "NOERROR aa\na.test. 0 A 192.0.2.53"

    @Test("one of two is dropped, unless something else is said") func usual() throws {
        #expect(try answers("") == ["silence", Self.whole, "silence", Self.whole])
        #expect(try answers(" {\ndrop 3\n}") == ["silence", Self.whole, Self.whole, "silence"])
        #expect(try answers(" {\ndrop 0\n}") == [Self.whole, Self.whole, Self.whole, Self.whole])
    }

    @Test("cut") func cut() throws {
        let answers = try answers(" {\ntruncate 2\n}")
        #expect(answers.map { $0.hasPrefix("NOERROR aa tc") || $0.contains(" tc") } == [true, false, true, false])
    }

    @Test("addresses of both families, and nothing else") func types() throws {
        #expect(try answers(" {\ndrop 0\n}", "a.test. AAAA", count: 1) == ["NOERROR aa\na.test. 0 AAAA 2001:db8::53"])
        #expect(try answers(" {\ndrop 0\n}", "a.test. MX", count: 1) == ["SERVFAIL"])
    }

    @Test("late") func late() throws {
        let server = try MemoryServer("erratic {\ndelay 1 3s\n}")
        let asked = server.begin("a.test. A")
        server.advance(.milliseconds(2900))
        #expect(asked.text == "silence")
        server.advance(.milliseconds(200))
        #expect(asked.text == Self.whole)
    }
}
