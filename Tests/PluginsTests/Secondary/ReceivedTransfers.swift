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
        #expect(try outcome([[soa, a, soa, ns]]) == "a transfer that ends with another SOA than it began with")
        #expect(try outcome([[soa]], code: 5) == "refused with code 5")
        #expect(try outcome([[soa]], id: 8) == "a message that is no response to what was asked")
    }

    @Test("octets that are no message, and messages cut anywhere") func octets() throws {
        let message = Self.query.reply([soa, a, ns, soa])
        for length in 0..<message.count {
            var zone = ReceivedZone(of: try #require(Name("a.test")), id: 7)
            #expect(throws: ZoneContentError.self) { _ = try zone.take(Array(message[..<length])) }
        }
    }
}
