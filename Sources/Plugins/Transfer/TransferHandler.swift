import DNSServer
import DNSWire
import EventLoop

/// Answers AXFR (RFC 5936) and IXFR (RFC 1995) on one loop.
final class TransferHandler: Handler {
    private let rules: [TransferRule]
    private let readers: [any ZoneReader]
    private unowned let server: LoopServer

    init(_ rules: [TransferRule], _ readers: [any ZoneReader], on server: LoopServer) {
        self.rules = rules
        self.readers = readers
        self.server = server
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard exchange.question.type == .axfr || exchange.question.type == .ixfr, exchange.isFirstQuestion,
            let rule = TransferRule.best(of: rules, for: Name(exchange.question.folded))
        else { return .next }
        guard rule.allows(exchange.client.address) else { return .failed(.refused, .prohibited) }
        // An AXFR has no place in one datagram (RFC 5936 §4.2).
        guard exchange.question.type == .ixfr || exchange.transport == .tcp else {
            return .failed(.refused, .notSupported)
        }
        for reader in readers {
            switch reader.open(exchange.question.folded) {
            case .notHere: continue
            case .notReady:
                return .failed(.serverFailure, .notReady, because: "the zone is not known yet")
            case .copy(let copy): return answer(copy, &exchange)
            }
        }
        return .next
    }

    private func answer(_ copy: any ZoneCopy, _ exchange: inout Exchange) -> Verdict {
        if exchange.question.type == .ixfr {
            guard let known = Self.knownSerial(exchange) else { return .failed(.formatError) }
            // Up to date, or to ask again over TCP (RFC 1995 §2 and §4): one SOA says either.
            let isBehind = Int32(bitPattern: copy.serial &- known) > 0
            let changes = isBehind ? copy.changes(since: known) : nil
            guard isBehind, exchange.transport == .tcp else {
                exchange.isAuthoritative = true
                // All of the changes in one datagram, or none of them.
                if let changes, !changes.fill(&exchange.response) { return .answered }
                exchange.response.removeRecords(exchange.asked)
                copy.appendSOA(to: &exchange.response)
                return .answered
            }
            if let changes { return begin(changes, &exchange) }
        }
        return begin(copy, &exchange)
    }

    private func begin(_ copy: any MessageSource, _ exchange: inout Exchange) -> Verdict {
        // Each holds a snapshot of the cluster in memory until it has been taken.
        guard server.mayStream else { return .failed(.refused) }
        exchange.isAuthoritative = true
        if copy.fill(&exchange.response) { exchange.continuation = copy }
        return .answered
    }

    /// The serial in the SOA of an IXFR's authority section; nil when there is none.
    private static func knownSerial(_ exchange: borrowing Exchange) -> UInt32? {
        let message = exchange.message
        guard message.uint16(at: 8) == 1 else { return nil }
        var reader = MessageReader(message, at: exchange.asked.questionEnd)
        guard let record = try? reader.next(), record.type == .soa,
            let mailbox = try? MessageReader.skipName(message, at: record.dataOffset),
            let numbers = try? MessageReader.skipName(message, at: mailbox),
            numbers + 20 == record.dataOffset + record.dataLength
        else { return nil }
        return message.uint32(at: numbers)
    }
}
