import TestKit
import Testing

@Suite("header: bits of queries and responses") struct HeaderBits {
    private func bits(_ rules: String, recursionDesired: Bool = true) throws -> (response: UInt16, query: UInt16?) {
        let dns = try MemoryServer("header {\n\(rules)\n}\nforward . @UPSTREAM@") {
            [$0.reply([.a("a.test.", "192.0.2.1")])]
        }
        let octets = try #require(dns.begin("a.test. A", recursionDesired: recursionDesired).octets)
        func flags(_ octets: [UInt8]) -> UInt16 { UInt16(octets[2]) << 8 | UInt16(octets[3]) }
        return (flags(octets), dns.queries.first.map { flags($0.octets) })
    }

    // QR, opcode, AA, TC, RD, then RA (RFC 1035 §4.1.1).
    private let aa: UInt16 = 0x0400
    private let rd: UInt16 = 0x0100
    private let ra: UInt16 = 0x0080

    @Test("of a response, set and cleared") func response() throws {
        #expect(try bits("query set rd").response == 0x8000 | rd | ra)
        #expect(try bits("response set aa").response == 0x8000 | aa | rd | ra)
        #expect(try bits("response clear ra rd").response == 0x8000)
    }

    @Test("of two rules for one bit the last holds") func last() throws {
        #expect(try bits("response set aa\nresponse clear aa").response & aa == 0)
        #expect(try bits("response clear aa\nresponse set aa").response & aa == aa)
    }

    @Test("a query that asks for no recursion can be made one that does") func query() throws {
        let plain = try bits("response clear aa", recursionDesired: false)
        #expect(plain.query == nil)
        let asking = try bits("query set rd", recursionDesired: false)
        #expect(try #require(asking.query) & rd == rd)
        #expect(asking.response == 0x8000 | rd | ra)
        #expect(try bits("query clear rd").query == nil)
    }

    @Test("the log shows the bits as they were sent") func logged() throws {
        RecordedLog.begin()
        let dns = try MemoryServer(
            "log\nheader {\nresponse set ra\nresponse clear aa\n}\nhosts {\n192.0.2.1 header.log.test\n}")
        _ = dns.ask("header.log.test. A")
        #expect(RecordedLog.lines(with: "header.log.test.").allSatisfy { $0.contains(" NOERROR qr,rd,ra ") })
    }
}
