import DNSWire
import Testing

@Suite("data of records in canonical form (RFC 4034 §6.2)") struct CanonicalRecords {
    private func data(_ text: String) throws -> (octets: [UInt8], type: RecordType) {
        let record = try RecordText("x.test \(text)")
        return (record.data, record.type)
    }

    private func areEqual(_ left: String, _ right: String) throws -> Bool {
        let (a, b) = (try data(left), try data(right))
        let isSame = withBytes(a.octets) { first in
            withBytes(b.octets) { CanonicalData.areEqual(first, $0, a.type) }
        }
        // Both ways to say it agree.
        #expect(
            isSame == (CanonicalData.canonical(a.octets, a.type) == CanonicalData.canonical(b.octets, b.type)))
        return isSame
    }

    @Test(
        "letters of names do not count",
        arguments: [
            ("NS ns.test", "NS NS.Test"), ("MX 10 mail.test", "MX 10 MAIL.test"), ("CNAME a.test", "CNAME A.TEST"),
            ("PTR a.test", "PTR A.test"), ("DNAME a.test", "DNAME A.test"), ("SRV 1 2 3 a.test", "SRV 1 2 3 A.test"),
            ("SOA ns.test who.test 1 2 3 4 5", "SOA NS.test WHO.test 1 2 3 4 5"),
            ("NAPTR 1 2 U E2U x a.test", "NAPTR 1 2 U E2U x A.test"),
            ("TYPE18 \\# 10 0001 01 61 04 74657374 00", "TYPE18 \\# 10 0001 01 41 04 54455354 00"),
            ("TYPE17 \\# 6 01 61 00 01 62 00", "TYPE17 \\# 6 01 41 00 01 42 00"),
        ])
    func equal(_ left: String, _ right: String) throws {
        // The root ends names that are cut in these texts.
        #expect(try areEqual(left, right))
    }

    @Test(
        "all else does",
        arguments: [
            ("MX 10 mail.test", "MX 20 mail.test"), ("MX 10 mail.test", "MX 10 mails.test"), ("TXT a", "TXT A"),
            ("NAPTR 1 2 u E2U x a.test", "NAPTR 1 2 U E2U x a.test"), ("CAA 0 issue a", "CAA 0 issue A"),
            ("HINFO a b", "HINFO A b"), ("A 192.0.2.65", "A 192.0.2.97"),
            // SVCB is younger than the rule.
            ("TYPE64 \\# 5 0001 01 61 00", "TYPE64 \\# 5 0001 01 41 00"),
        ])
    func different(_ left: String, _ right: String) throws { #expect(try !areEqual(left, right)) }

    @Test("data that are cut anywhere are compared as octets") func cut() throws {
        let (octets, type) = try data("NAPTR 1 2 U E2U x a.test")
        for length in octets.indices {
            let part = Array(octets[..<length])
            #expect(withBytes(part) { CanonicalData.areEqual($0, $0, type) })
            #expect(CanonicalData.canonical(part, type).count == length)
        }
    }
}
