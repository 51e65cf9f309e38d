import DNSServer
import DNSWire
import Snapshots

/// Answers names of what is reached from outside, on one loop.
final class GatewayHandler: Handler {
    private struct Zone {
        let name: ByteBlock
        /// The zone's name servers, folded and whole; the first stands in SOA.
        let servers: [ByteBlock]
        let mailbox: ByteBlock
    }

    private let zones: [Zone]
    private let fallthroughZones: ZoneSet
    private let ttl: UInt32
    private var table: Subscription<GatewayTable>

    /// Of SOA, NS and the addresses of name servers, in seconds; so are SOA's other numbers.
    private static let zoneTTL: UInt32 = 60
    private static let refresh: [UInt32] = [7200, 1800, 86400, zoneTTL]

    init(_ settings: GatewaySettings, _ published: Published<GatewayTable>) {
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }
            .map { zone in
                func below(_ text: String) -> ByteBlock? {
                    Name(zone == .root ? text : "\(text).\(zone)").map { ByteBlock($0.wire) }
                }
                return Zone(
                    name: ByteBlock(zone.wire),
                    servers: [settings.apex, settings.secondary].compactMap(\.self).compactMap(below),
                    mailbox: below("hostmaster.\(settings.apex)") ?? ByteBlock(zone.wire))
            }
        fallthroughZones = ZoneSet(settings.fallthroughZones ?? [])
        ttl = settings.ttl
        table = Subscription(published)
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard let zone = zones.first(where: { question.folded.isSubdomain(of: $0.name.view) }) else { return .next }
        table.refresh()
        let table = table.value
        if question.type == .axfr || question.type == .ixfr { return .failed(.refused) }
        let name = question.folded.array
        let isApex = name.count == zone.name.view.count
        if isApex, question.type == .soa || question.type == .ns, table.missing == nil {
            claim(&exchange)
            answerApex(zone, &exchange)
            return .answered
        }
        if let entry = table.entry(name, zone: zone.name.view.count) {
            claim(&exchange)
            let ttl = zone.servers.contains { $0.view.equals(question.folded) } ? Self.zoneTTL : ttl
            return write(entry, zone, ttl, &exchange)
        }
        if let missing = table.missing {
            // What is not known yet may exist.
            claim(&exchange)
            return .failed(.serverFailure, .notReady, because: missing)
        }
        if !isApex, fallthroughZones.contains(question.folded) {
            exchange.isMissing = true
            return .next
        }
        claim(&exchange)
        let exists =
            isApex || table.emptyNames.contains(name) || zone.servers.contains { $0.view.equals(question.folded) }
            || zone.servers.contains { $0.view.isSubdomain(of: question.folded) }
        deny(zone, exists ? .noError : .nameError, &exchange)
        return .answered
    }

    private func claim(_ exchange: inout Exchange) {
        if exchange.isFirstQuestion { exchange.isAuthoritative = true }
    }

    private func write(
        _ entry: GatewayTable.Entry, _ zone: Zone, _ ttl: UInt32, _ exchange: inout Exchange
    ) -> Verdict {
        let question = exchange.question
        if !entry.cname.isEmpty {
            let target = withBytes(entry.cname) {
                exchange.response.writeCNAME(owner: question.nameOffset, ttl: ttl, target: $0)
            }
            guard let target, question.type != .cname else { return .answered }
            return exchange.chase(targetAt: target)
        }
        let before = exchange.response.answers
        let wantsAll = question.type == .any
        for (type, octets) in [(RecordType.a, entry.v4), (.aaaa, entry.v6)] where wantsAll || question.type == type {
            let rotation = exchange.style.rotation
            let isWhole = withBytes(octets) {
                exchange.response.appendAddresses(
                    owner: question.nameOffset, type: type, ttl: ttl, addresses: $0, rotation: rotation, in: .answer)
            }
            if !isWhole { exchange.response.truncate() }
        }
        if wantsAll || question.type == .txt {
            for text in entry.texts {
                let fits = withBytes(text) {
                    exchange.response.appendRecord(
                        owner: question.nameOffset, type: .txt, ttl: ttl, data: $0, in: .answer)
                }
                if !fits { exchange.response.truncate() }
            }
        }
        if exchange.response.answers == before, !exchange.response.isTruncated { deny(zone, .noError, &exchange) }
        return .answered
    }

    // MARK: What the zone says about itself

    private func answerApex(_ zone: Zone, _ exchange: inout Exchange) {
        let owner = exchange.question.nameOffset
        guard exchange.question.type == .ns else { return appendSOA(zone, in: .answer, &exchange) }
        for server in zone.servers {
            exchange.response.beginRecord(owner: owner, type: .ns, ttl: Self.zoneTTL)
            exchange.response.writeName(server.view)
            if !exchange.response.endRecord(in: .answer) { exchange.response.truncate() }
        }
        for server in zone.servers {
            guard let entry = table.value.entries[server.view.array] else { continue }
            for (type, octets) in [(RecordType.a, entry.v4), (.aaaa, entry.v6)] {
                let size = type == .a ? 4 : 16
                for start in stride(from: 0, to: octets.count - size + 1, by: size) {
                    exchange.response.beginRecord(
                        owner: server.view, type: type, class: RecordClass.internet, ttl: Self.zoneTTL)
                    withBytes(octets) { exchange.response.write($0.slice(start, size)) }
                    _ = exchange.response.endRecord(in: .additional)
                }
            }
        }
    }

    /// A negative answer with the zone's SOA, so that resolvers know how long to believe it (RFC 2308 §3).
    private func deny(_ zone: Zone, _ code: ResponseCode, _ exchange: inout Exchange) {
        exchange.response.code = code
        appendSOA(zone, in: .authority, &exchange)
    }

    private func appendSOA(_ zone: Zone, in section: Section, _ exchange: inout Exchange) {
        let question = exchange.question
        let owner = question.nameOffset + question.folded.count - zone.name.view.count
        exchange.response.beginRecord(owner: owner, type: .soa, ttl: Self.zoneTTL)
        if let server = zone.servers.first { exchange.response.writeName(server.view) }
        exchange.response.writeName(zone.mailbox.view)
        exchange.response.write(table.value.serial)
        for value in Self.refresh { exchange.response.write(value) }
        _ = exchange.response.endRecord(in: section)
    }
}
