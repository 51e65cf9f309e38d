import DNSServer
import DNSWire
import Snapshots

/// Answers names of what is reached from outside, on one loop.
final class GatewayHandler: Handler {
    private struct Zone {
        let name: ByteBlock
        /// The zone's name servers, folded and whole; the first stands in SOA.
        let servers: [ByteBlock]
        let start: StartOfAuthority
    }

    private let zones: [Zone]
    private let fallthroughZones: ZoneSet
    private let ttl: UInt32
    private var table: Subscription<GatewayTable>

    /// Of SOA, NS and the addresses of name servers, in seconds.
    private static let zoneTTL: UInt32 = 60

    init(_ settings: GatewaySettings, _ published: Published<GatewayTable>) {
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }
            .map { zone in
                func below(_ text: String) -> ByteBlock? {
                    Name(zone == .root ? text : "\(text).\(zone)").map { ByteBlock($0.wire) }
                }
                let name = ByteBlock(zone.wire)
                let servers = [settings.apex, settings.secondary].compactMap(\.self).compactMap(below)
                return Zone(
                    name: name, servers: servers,
                    start: StartOfAuthority(
                        of: name.view, server: servers.first ?? name,
                        mailbox: below("hostmaster.\(settings.apex)") ?? name, ttl: Self.zoneTTL,
                        negativeTTL: Self.zoneTTL))
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
        zone.start.deny(exists ? .noError : .nameError, serial: table.serial, &exchange)
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
        if exchange.response.answers == before, !exchange.response.isTruncated {
            zone.start.deny(.noError, serial: table.value.serial, &exchange)
        }
        return .answered
    }

    // MARK: What the zone says about itself

    private func answerApex(_ zone: Zone, _ exchange: inout Exchange) {
        let owner = exchange.question.nameOffset
        guard exchange.question.type == .ns else {
            return zone.start.append(serial: table.value.serial, in: .answer, &exchange)
        }
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
}
