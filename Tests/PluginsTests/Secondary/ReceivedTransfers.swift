import DNSServer
import DNSWire
import TestKit
import Testing
import ZoneData

@Suite("secondary: the messages of a transfer (RFC 5936 §2.2)") struct ReceivedTransfers {
    private static let query = ReceivedQuery(
        octets: WireText.query("a.test. AXFR", id: 7), transport: .tcp, peer: nil, number: 1)

    /// What comes of messages with these records each.
    private func outcome(_ messages: [[TestRecord]], code: UInt8 = 0, id: UInt16 = 7) throws -> String {
        var zone = ReceivedZone(of: try #require(Name("a.test")), id: id)
        do throws(ZoneContentError) {
            for (index, records) in messages.enumerated() {
                let progress = try zone.take(Self.query.reply(records, code: code))
                if case .whole(let table, let timers) = progress {
                    return "serial \(timers.serial), \(table.recordCount) records after \(index + 1) messages"
                }
            }
            return "more"
        } catch {
            return error.description
        }
    }

    private let soa = TestRecord.soa("a.test.")
    private let ns = TestRecord.cname("b.a.test.", "c.a.test.")
    private let a = TestRecord.a("www.a.test.", "192.0.2.1")

    @Test("from SOA to SOA, in as many messages as they come") func whole() throws {
        #expect(try outcome([[soa, a, ns, soa]]).hasSuffix("3 records after 1 messages"))
        #expect(try outcome([[soa], [a], [ns, soa]]).hasSuffix("3 records after 3 messages"))
        #expect(try outcome([[soa, a]]) == "more")
    }

    @Test("what is no transfer of the zone") func broken() throws {
        #expect(try outcome([[a, soa]]) == "a transfer that does not begin with the SOA of a.test.")
        #expect(
            try outcome([[.soa("b.test."), .soa("b.test.")]])
                == "a transfer that does not begin with the SOA of a.test.")
        #expect(try outcome([[]]) == "a transfer without records")
        #expect(try outcome([[soa, a], []]) == "a transfer without records", "they could come for ever")
        #expect(try outcome([[soa, a, soa, ns]]) == "a transfer that ends with another SOA than it began with")
        #expect(try outcome([[soa]], code: 5) == "refused with code 5")
        #expect(try outcome([[soa]], id: 8) == "a message that is no response to what was asked")
    }

    private func soa(_ serial: UInt8) -> TestRecord {
        var record = TestRecord.soa("a.test.")
        record.data[5] = serial
        return record
    }

    /// What becomes of a known zone of version 1, with `www` and `b`, by differences.
    private func changed(_ records: [TestRecord]) throws -> String {
        let origin = try #require(Name("a.test"))
        var known = ReceivedZone(of: origin, id: 7)
        guard case .whole(let table, _) = try known.take(Self.query.reply([soa(1), a, ns, soa(1)])) else { return "" }
        var zone = ReceivedZone(of: origin, id: 7, since: table)
        do throws(ZoneContentError) {
            switch try zone.take(Self.query.reply(records)) {
            case .more: return "more"
            case .current(let timers): return "current \(timers.serial)"
            case .whole(let table, let timers):
                let names = table.records.map { withBytes($0.owner) { $0.nameText } + " \($0.type)" }
                return "\(zone.isIncremental ? "changed" : "whole") \(timers.serial): \(names.joined(separator: ", "))"
            }
        } catch {
            return error.description
        }
    }

    private let c = TestRecord.a("c.a.test.", "192.0.2.3")

    @Test("differences, one after the other (RFC 1995 §4)") func differences() throws {
        #expect(
            try changed([soa(2), soa(1), a, soa(2), c, soa(2)]) == "changed 2: a.test. 6, b.a.test. 5, c.a.test. 1")
        #expect(
            try changed([soa(3), soa(1), a, soa(2), c, soa(2), c, soa(3), a, soa(3)])
                == "changed 3: a.test. 6, b.a.test. 5, www.a.test. 1")
        #expect(try changed([soa(2), soa(1), soa(2), soa(2)]) == "changed 2: a.test. 6, b.a.test. 5, www.a.test. 1")
        #expect(try changed([soa(2), c, soa(2)]) == "whole 2: a.test. 6, c.a.test. 1")
        #expect(try changed([soa(1)]) == "current 1")
        #expect(try changed([soa(2)]) == "more")
    }

    @Test("differences that fit nothing") func wrongDifferences() throws {
        #expect(try changed([soa(2), soa(1), c, soa(2), soa(2)]) == "differences that remove what is not there")
        #expect(try changed([soa(3), soa(1), a, soa(2), c, soa(1)]) == "differences with a gap at 1")
        #expect(try changed([soa(2), soa(1), a, soa(2), c]) == "more")
    }

    @Test("no more records than may come, those that are not of the zone included") func tooMany() throws {
        var zone = ReceivedZone(of: try #require(Name("a.test")), id: 7, most: 4)
        let foreign = TestRecord.a("www.b.test.", "192.0.2.1")
        _ = try zone.take(Self.query.reply([soa, a, a, foreign]))
        do throws(ZoneContentError) {
            _ = try zone.take(Self.query.reply([foreign]))
            Issue.record("a fifth record is taken")
        } catch {
            #expect(error.description == "more than 4 records")
        }
    }

    @Test("differences find a record in whatever letters they name it") func letters() throws {
        let removed = TestRecord.cname("B.a.test.", "C.A.test.")
        #expect(try changed([soa(2), soa(1), removed, soa(2), soa(2)]) == "changed 2: a.test. 6, www.a.test. 1")
    }

    @Test("octets that are no message, and messages cut anywhere") func octets() throws {
        let message = Self.query.reply([soa, a, ns, soa])
        for length in 0..<message.count {
            var zone = ReceivedZone(of: try #require(Name("a.test")), id: 7)
            #expect(throws: ZoneContentError.self) { _ = try zone.take(Array(message[..<length])) }
        }
    }
}
