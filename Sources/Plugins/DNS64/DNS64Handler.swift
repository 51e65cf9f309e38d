import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Asks for IPv6 addresses, and where there are none for IPv4 addresses to put into the prefix.
final class DNS64Handler: Handler {
    private let settings: DNS64Settings
    private let translated: Counter

    /// Seconds a synthesised address may live where the zone does not say (RFC 6147 §5.1.7).
    private static let longestWithoutSOA: UInt32 = 600

    /// The negative answer's SOA bounds the lifetime of what is put in its place.
    private final class Bound {
        let ttl: UInt32
        init(ttl: UInt32) { self.ttl = ttl }
    }

    init(_ settings: DNS64Settings, _ block: BlockSettings) {
        self.settings = settings
        translated = block.metrics.counter(
            "coredns_dns64_requests_translated_total", "Counter of DNS requests translated by dns64.",
            [("server", block.serverLabel)])
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard question.type == .aaaa, question.class == RecordClass.internet,
            settings.allowsIPv4 || !exchange.client.isIPv4, !validatesItself(exchange)
        else { return .next }
        return .ask(Subquery(question.name, .aaaa, class: question.class))
    }

    /// A client that checks signatures would take made-up records for forged (RFC 6147 §5.5).
    private func validatesItself(_ exchange: borrowing Exchange) -> Bool {
        exchange.asked.checkingDisabled && exchange.asked.edns?.dnssecOK == true
    }

    func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict {
        if let bound = note as? Bound { return synthesise(response, longest: bound.ttl, &exchange) }
        var hasAddress = false
        var longest = Self.longestWithoutSOA
        for (record, section) in response.records {
            if section == .answer, record.type == .aaaa { hasAddress = true }
            if section == .authority, record.type == .soa { longest = record.ttl }
        }
        // What is missing is missing in both families (RFC 6147 §5.1.2).
        guard response.code != .nameError, settings.translatesAll || !hasAddress else {
            exchange.take(response)
            return .answered
        }
        let question = exchange.question
        return .ask(Subquery(question.name, .a, class: question.class, note: Bound(ttl: longest)))
    }

    private func synthesise(_ response: InnerResponse, longest: UInt32, _ exchange: inout Exchange) -> Verdict {
        exchange.adopt(response)
        var count = 0
        for (record, section) in response.records {
            guard section == .answer, record.type == .a, record.dataLength == 4 else {
                exchange.copy(record, of: response, ttl: record.ttl, in: section)
                continue
            }
            count += 1
            let address = settings.prefix.embed(response.message.uint32(at: record.dataOffset))
            exchange.append(address, as: record, of: response, ttl: min(record.ttl, longest))
        }
        guard count > 0 else { return .answered }
        // Made-up records are nobody's authority and no signature holds for them.
        exchange.isAuthoritative = false
        exchange.response.flags &= ~HeaderFlag.authenticData
        translated.bump()
        return .answered
    }
}
