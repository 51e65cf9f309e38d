import DNSServer
import DNSWire
import Synchronization
import TestKit
import Testing
import ZoneData

@testable import Plugins

@Suite("secondary: how much is taken of a primary") struct TransferBounds {
    private let origin = Name("a.test") ?? .root
    private let soa = TestRecord.soa("a.test.")

    /// What is wrong with a zone that a primary sends in these messages, again and again after the first.
    private func outcome(_ limits: TransferLimits, then records: [TestRecord]? = nil) async throws -> String {
        let soa = soa
        let upstream = try await ScriptedUpstream.start { query in
            [query.reply([soa])] + (records.map { [[UInt8]](repeating: query.reply($0), count: 50) } ?? [])
        }
        let primary = AskedPrimary(address: upstream.address, limits: limits)
        do {
            _ = try await primary.copy(of: origin, since: nil, until: .now + limits.whole)
            return "a zone"
        } catch {
            return "\(error)"
        }
    }

    @Test("no more octets than may come") func octets() async throws {
        var limits = TransferLimits()
        limits.octets = 1000
        let record = TestRecord.a("www.a.test.", "192.0.2.1")
        #expect(try await outcome(limits, then: [record]) == "more than 1000 octets")
    }

    @Test("no more records than may come") func records() async throws {
        var limits = TransferLimits()
        limits.records = 20
        let record = TestRecord.a("www.a.test.", "192.0.2.1")
        #expect(try await outcome(limits, then: [record]) == "more than 20 records")
    }

    @Test("no message without records") func empty() async throws {
        #expect(try await outcome(TransferLimits(), then: []) == "a transfer without records")
    }

    @Test("not slower than others might be") func slow() async throws {
        var limits = TransferLimits()
        (limits.grace, limits.slowest) = (.zero, 1 << 40)
        #expect(try await outcome(limits) == "less than 1099511627776 octets a second")
    }

    @Test("no longer than all of it may take, and no silence longer than that may be") func time() async throws {
        var limits = TransferLimits()
        limits.whole = .milliseconds(30)
        #expect(try await outcome(limits) == "no whole answer within 0.03 seconds")
        limits = TransferLimits()
        limits.silence = .milliseconds(30)
        #expect(try await outcome(limits) == "no answer within 0.03 seconds")
    }
}
