import DNSWire
import Testing
import ZoneData

@Suite("zones: a record stands once (RFC 2181 §5, RFC 4034 §6.2)") struct RepeatedRecords {
    private func table(_ serial: Int, _ records: String) throws -> ZoneTable {
        let text = "$TTL 60\n@ SOA ns h \(serial) 1 1 1 60\n@ NS ns\n\(records)"
        return try ZoneFile.table(
            Array(text.utf8), named: "zone", origin: try #require(Name("a.test"))
        ) { _ in [] }
    }

    @Test("in whatever letters its names are written: the first counts") func once() throws {
        let zone = try table(1, "@ MX 10 mail\n@ MX 10 MAIL\n@ NS NS\nw A 192.0.2.1\nW A 192.0.2.1\nt TXT a\nt TXT A\n")
        let mail = zone.records.filter { $0.type == RecordType.mx.rawValue }
        #expect(mail.map(\.data) == [[0, 10] + (try #require(Name("mail.a.test"))).wire])
        #expect(zone.records.count { $0.type == RecordType.ns.rawValue } == 1)
        #expect(zone.records.count { $0.type == RecordType.a.rawValue } == 1)
        #expect(zone.records.count { $0.type == RecordType.txt.rawValue } == 2)
    }

    @Test("so that nothing of the next version is taken away with its double") func differences() throws {
        let difference = try #require(
            ZoneDifference(
                from: table(1, "@ MX 10 mail\n@ MX 10 MAIL\n"), to: table(2, "@ MX 10 mail\n"), most: 10))
        #expect(difference.records.allSatisfy { $0.type == RecordType.soa.rawValue })
    }

    @Test("what is the same is so letter for letter") func same() throws {
        let zone = try table(1, "@ MX 10 mail\n")
        #expect(try zone.isSame(as: table(1, "@ MX 10 mail\n")))
        #expect(try !zone.isSame(as: table(1, "@ MX 10 MAIL\n")))
        #expect(try !zone.isSame(as: table(1, "@ 61 MX 10 mail\n")))
        // The same octets, of another name.
        let first = try table(1, "x A 192.0.2.1\ny.x TXT a\n")
        #expect(try !first.isSame(as: table(1, "y.x A 192.0.2.1\ny.x TXT a\n")))
    }
}
