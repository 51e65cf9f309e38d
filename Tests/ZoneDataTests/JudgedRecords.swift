import DNSWire
import Testing
import ZoneData

@Suite("ldns reads records made from text as they were meant") struct JudgedRecords {
    @Test(arguments: [
        ("web.test 60 A 192.0.2.1", "web.test. 60 IN A 192.0.2.1"),
        ("web.test AAAA 2001:db8:0:0::1", "web.test. 0 IN AAAA 2001:db8::1"),
        ("a\\.b.test. 1d CNAME Web.test", "a\\.b.test. 86400 IN CNAME Web.test."),
        ("test DNAME other.test", "test. 0 IN DNAME other.test."),
        ("test 5 IN NS ns.test.", "test. 5 IN NS ns.test."),
        ("1.2.0.192.in-addr.arpa PTR web.test", "1.2.0.192.in-addr.arpa. 0 IN PTR web.test."),
        ("test MX 10 mail.test", "test. 0 IN MX 10 mail.test."),
        ("_http._tcp.test SRV 1 2 80 web.test", "_http._tcp.test. 0 IN SRV 1 2 80 web.test."),
        (
            "test TXT one \"two words\" \"q\\\"b\\\\ \\007\"",
            "test. 0 IN TXT \"one\" \"two words\" \"q\\\"b\\\\ \\007\""
        ),
        ("test SOA ns.test who.test 2026 1h 10m 1w 30", "test. 0 IN SOA ns.test. who.test. 2026 3600 600 604800 30"),
        ("test CAA 0 issue \"ca.test\"", "test. 0 IN CAA 0 issue \"ca.test\""),
        ("test HINFO PC Linux", "test. 0 IN HINFO \"PC\" \"Linux\""),
        (
            "test NAPTR 100 10 U E2U+sip \"!^.*$!sip:info@test!\" .",
            "test. 0 IN NAPTR 100 10 \"U\" \"E2U+sip\" \"!^.*$!sip:info@test!\" ."
        ),
        ("test TYPE65280 \\# 3 0a0b0c", "test. 0 IN TYPE65280 \\# 3 0a0b0c"),
        ("test MX \\# 3 000A00", "test. 0 IN MX 10 ."),
        ("version.test CH TXT x", "version.test. 0 CH TXT \"x\""),
    ])
    func prints(_ text: String, _ line: String) throws {
        let record = try RecordText(text)
        let decoded = try MessageText.text(of: Self.message(record))
        #expect(decoded.answer.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") } == [line])
    }

    /// A message of nothing but this record in its answer section.
    private static func message(_ record: RecordText) -> [UInt8] {
        let ttl = record.ttl ?? 0
        let numbers = [
            record.type.rawValue, record.class, UInt16(ttl >> 16), UInt16(truncatingIfNeeded: ttl),
            UInt16(record.data.count),
        ]
        let fixed = numbers.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        return [0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0] + record.owner + fixed + record.data
    }
}
