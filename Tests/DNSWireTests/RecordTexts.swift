import DNSWire
import Testing

/// Wire form of a name in RDATA.
private func wire(_ name: String) -> [UInt8] { Name.wireKeepingCase(name) ?? [] }

/// A string with its length octet.
private func string(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

@Suite("records: text to wire form (RFC 1035 §5.1, RFC 3597 §5)") struct RecordTexts {
    @Test(
        arguments: [
            ("a.test. A 192.0.2.1", [192, 0, 2, 1]),
            ("a.test AAAA 2001:db8::1", [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1]),
            ("a.test AAAA ::ffff:1.2.3.4", Array(repeating: 0, count: 10) + [0xFF, 0xFF, 1, 2, 3, 4]),
            ("a.test CNAME B.test.", wire("B.test")), ("a.test DNAME b.test", wire("b.test")),
            ("a.test NS ns.test.", wire("ns.test")), ("a.test PTR .", [0]),
            ("a.test MX 10 mail.test.", [0, 10] + wire("mail.test")),
            ("a.test SRV 1 2 65535 b.test.", [0, 1, 0, 2, 255, 255] + wire("b.test")),
            ("a.test TXT one \"two words\" \"\"", string("one") + string("two words") + [0]),
            ("a.test TXT \"a\\\"b\\\\c\\000\"", [6] + Array("a\"b\\c".utf8) + [0]),
            ("a.test TXT \"; no comment ( \" ; a comment", string("; no comment ( ")),
            (
                "a.test SOA ns.test. who.test. (\n 1 ; serial\n 2h 3m 1w2d 60 )",
                wire("ns.test") + wire("who.test") + [
                    0, 0, 0, 1, 0, 0, 0x1C, 0x20, 0, 0, 0, 180, 0, 0x0B, 0xDD, 0x80, 0, 0, 0, 60,
                ]
            ),
            ("a.test CAA 128 issue \"ca.test; x=y\"", [128] + string("issue") + Array("ca.test; x=y".utf8)),
            ("a.test HINFO PC \"any system\"", string("PC") + string("any system")),
            (
                "a.test NAPTR 1 2 U SIP+D2U \"!^.*$!sip:\\\\1@test!\" .",
                [0, 1, 0, 2] + string("U") + string("SIP+D2U") + string("!^.*$!sip:\\1@test!") + [0]
            ),
            ("a.test TYPE65280 \\# 4 0A 0b0C fF", [0x0A, 0x0B, 0x0C, 0xFF]), ("a.test TYPE65280 \\# 0", []),
            ("a.test A \\# 4 C0000201", [192, 0, 2, 1]), ("a.test HTTPS \\# 3 0001 00", [0, 1, 0]),
        ] as [(String, [UInt8])])
    func data(_ text: String, _ octets: [UInt8]) throws {
        let record = try RecordText(text)
        #expect(record.owner == wire("a.test"))
        #expect(record.data == octets)
    }

    @Test(
        arguments: [
            ("a.test. 60 IN A 192.0.2.1", 60, 1, "A"), ("a.test. IN 60 A 192.0.2.1", 60, 1, "A"),
            ("a.test. 1h A 192.0.2.1", 3600, 1, "A"), ("a.test. ch txt x", nil, 3, "TXT"),
            ("a.test. CLASS5 TYPE16 x", nil, 5, "TXT"),
            ("\n ; first\n\ta.test. 5 A 192.0.2.1\nb.test. A 192.0.2.2", 5, 1, "A"),
        ] as [(String, UInt32?, UInt16, String)])
    func ownerTTLAndClass(_ text: String, _ ttl: UInt32?, _ class: UInt16, _ type: String) throws {
        let record = try RecordText(text)
        #expect(record.ttl == ttl)
        #expect(record.class == `class`)
        #expect(record.type == RecordType(type))
    }

    @Test("owners keep case and escapes; a class' mnemonic is an owner in front") func owners() throws {
        #expect(
            try RecordText("We\\.b.T\\032t. A 192.0.2.1").owner == [4] + Array("We.b".utf8) + [3] + Array("T t".utf8)
                + [0])
        #expect(try RecordText(". NS ns.test").owner == [0])
        #expect(try RecordText("in in a 192.0.2.1").owner == wire("in"))
    }

    @Test("a text over 255 octets becomes several strings") func longText() throws {
        let record = try RecordText("a.test TXT " + String(repeating: "x", count: 300))
        #expect(record.data == [255] + Array(repeating: 0x78, count: 255) + [45] + Array(repeating: 0x78, count: 45))
    }

    @Test("white space and comments alone are no record") func nothing() throws {
        #expect(try RecordText.first(in: Array(" \n ; nothing\n".utf8)) == nil)
        #expect(try RecordText.first(in: []) == nil)
    }

    @Test(arguments: [
        ("", "at word 1: found nothing, expected a record"),
        ("@ A 192.0.2.1", "at word 1: found @, expected a domain name as owner"),
        ("a..test A 192.0.2.1", "at word 1: found a..test, expected a domain name as owner"),
        ("\"a.test\" A 192.0.2.1", "at word 1: found \"a.test\", expected a domain name as owner"),
        ("a.test", "at word 2: found nothing, expected a record type"),
        ("a.test 60 IN AX 192.0.2.1", "at word 4: found AX, expected a record type"),
        ("a.test 60 60 A 192.0.2.1", "at word 3: found 60, expected a record type"),
        ("a.test 2147483648 A 192.0.2.1", "at word 2: found 2147483648, expected a record type"),
        ("a.test OPT \\# 0", "at word 2: found OPT, expected a record type"),
        ("a.test ANY \\# 0", "at word 2: found ANY, expected a record type"),
        ("a.test A", "at word 3: found nothing, expected an IPv4 address"),
        ("a.test A ::1", "at word 3: found ::1, expected an IPv4 address"),
        ("a.test AAAA 192.0.2.1", "at word 3: found 192.0.2.1, expected an IPv6 address"),
        ("a.test A 192.0.2.1 x", "at word 4: found x, expected nothing more"),
        ("a.test MX 65536 b.test", "at word 3: found 65536, expected a preference from 0 to 65535"),
        ("a.test MX 10", "at word 4: found nothing, expected a domain name"),
        ("a.test SRV 1 -2 3 b.test", "at word 4: found -2, expected a weight from 0 to 65535"),
        (
            "a.test SOA a b 1 2x 3 4 5",
            "at word 6: found 2x, expected a refresh interval in seconds, or with units as in 1h30m"
        ),
        ("a.test TXT", "at word 3: found nothing, expected a string"),
        ("a.test TXT \\25", "at word 3: found \\25, expected a string"),
        ("a.test TXT \\256", "at word 3: found \\256, expected a string"),
        ("a.test TXT \"x", "at word 3: found a quoted string without its end, expected a \" behind it"),
        ("a.test TXT \"x\\\"", "at word 3: found a quoted string without its end, expected a \" behind it"),
        ("a.test TXT ( x", "at word 4: found the end, expected a ) for each ("),
        ("a.test TXT x )", "at word 4: found ), expected a ( before it"),
        ("a.test CAA 0 is-sue x", "at word 4: found is-sue, expected a tag of 1 to 255 letters and digits"),
        (
            "a.test HTTPS 1 .",
            "at word 3: found 1, expected \\#, a length and hexadecimal data, the only form known of HTTPS"
        ),
        ("a.test TYPE1000 \\# 2 0A", "at word 5: found 2 hexadecimal digits, expected 4"),
        ("a.test TYPE1000 \\# 2 0Axx", "at word 5: found 0Axx, expected hexadecimal data"),
        ("a.test A \\# 3 0A0B0C", "at word 5: found octets that are no data of A, expected what the type lays down"),
        (
            "a.test CNAME \\# 2 C00C",
            "at word 5: found octets that are no data of CNAME, expected what the type lays down"
        ),
        ("a.test TXT \\# 0", "at word 4: found octets that are no data of TXT, expected what the type lays down"),
    ])
    func errors(_ text: String, _ message: String) {
        let error = #expect(throws: RecordTextError.self) { try RecordText(text) }
        #expect(error?.description == message)
    }

    @Test("texts of any size and octets end in a record or an error") func anyText() {
        #expect(throws: RecordTextError.self) { try RecordText("a.test TXT " + String(repeating: "x ", count: 40_000)) }
        #expect(throws: RecordTextError.self) { try RecordText("a.test TXT " + String(repeating: "\\", count: 1001)) }
        var state: UInt64 = 7
        let words = [
            "a.test", "A", "TXT", "SOA", "\\#", "1", "\"", "\\", "(", ")", ";", "\n", "192.0.2.1", "IN", "x\\0",
            "\u{FFFD}", "300w",
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            var text = "a.test "
            for _ in 0..<6 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += words[Int(state >> 33) % words.count] + (state >> 20 & 3 == 0 ? "" : " ")
            }
            if (try? RecordText(text)) != nil { accepted += 1 }
        }
        #expect(accepted > 20)
    }
}
