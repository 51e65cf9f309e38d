import TestKit
import Testing

@Suite("any: the least that answers ANY (RFC 8482)") struct AnyAnswers {
    @Test(arguments: [
        (
            "a.test. ANY",
            "NOERROR\na.test. 8482 IN HINFO \"ANY obsoleted\" \"See RFC 8482\""
        ),
        ("a.test. A", "NOERROR\na.test. 300 IN A 192.0.2.1"),
    ])
    func answers(_ question: String, _ answer: String) throws {
        let dns = try MemoryServer("any\nforward . @UPSTREAM@") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        #expect(try ZoneText.text(of: #require(dns.begin(question).octets)) == answer)
        #expect(dns.queries.count == (question.hasSuffix("ANY") ? 0 : 1))
    }
}
