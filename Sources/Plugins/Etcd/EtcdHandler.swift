import DNSServer
import DNSWire
import Snapshots

/// Answers from etcd's records on one loop.
final class EtcdHandler: Handler {
    private struct Zone {
        let name: Name
        let wire: ByteBlock
        /// `ns.dns` below it: where records of its name servers are.
        let server: Name
        /// `apex.dns` below it: where records of the zone itself are.
        let apex: Name
        let start: StartOfAuthority

        init(_ name: Name) {
            self.name = name
            wire = ByteBlock(name.wire)
            server = Name(labels: ["ns", "dns"], under: name) ?? name
            apex = Name(labels: ["apex", "dns"], under: name) ?? name
            start = StartOfAuthority(
                of: wire.view, server: ByteBlock(server.wire),
                mailbox: ByteBlock((Name(labels: ["hostmaster"], under: name) ?? name).wire), ttl: 300, negativeTTL: 30)
        }
    }

    private let zones: [Zone]
    private let fallthroughZones: ZoneSet
    private var table: Subscription<EtcdTable>

    init(_ settings: EtcdSettings, _ published: Published<EtcdTable>) {
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }.map(Zone.init)
        fallthroughZones = ZoneSet(settings.fallthroughZones ?? [])
        table = Subscription(published)
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard let zone = zones.first(where: { question.folded.isSubdomain(of: $0.wire.view) }) else { return .next }
        table.refresh()
        let table = table.value
        if exchange.isFirstQuestion { exchange.isAuthoritative = true }
        if let missing = table.missing { return .failed(.serverFailure, .notReady, because: missing) }
        if question.type == .axfr || question.type == .ixfr { return .failed(.refused) }
        let name = Name(question.folded)
        let isApex = name == zone.name
        guard isApex || table.exists(name) else {
            if fallthroughZones.contains(question.folded) {
                exchange.isAuthoritative = false
                exchange.isMissing = true
                return .next
            }
            zone.start.deny(.nameError, serial: table.serial, &exchange)
            return .answered
        }
        if isApex, question.type == .soa {
            zone.start.append(serial: table.serial, in: .answer, &exchange)
            return .answered
        }
        let before = exchange.response.answers
        let found = records(name, zone, isApex: isApex, question.type, table)
        if let verdict = write(found, &exchange) { return verdict }
        if exchange.response.answers == before, !exchange.response.isTruncated {
            zone.start.deny(.noError, serial: table.serial, &exchange)
        }
        return .answered
    }

    private func records(
        _ name: Name, _ zone: Zone, isApex: Bool, _ type: RecordType, _ table: EtcdTable
    ) -> [EtcdRecord] {
        switch type {
        case .ns: return isApex ? table.records(zone.server) : []
        case .ptr: return table.records(name, exact: true)
        case .a, .aaaa, .cname, .txt:
            let special = isApex ? table.records(zone.apex) : []
            return special.isEmpty ? table.records(name) : special
        default: return table.records(name)
        }
    }

    // MARK: Records

    /// Writes what of the records answers the question; nil unless a verdict follows from it.
    private func write(_ records: [EtcdRecord], _ exchange: inout Exchange) -> Verdict? {
        switch exchange.question.type {
        case .a, .aaaa: return writeAddresses(records, &exchange)
        case .cname:
            if let record = records.first, case .name(let target) = record.host {
                writeNames(.cname, [(record, target)], &exchange)
            }
        case .ptr:
            writeNames(
                .ptr,
                records.compactMap { record in
                    guard case .name(let target) = record.host else { return nil }
                    return (record, target)
                }, &exchange)
        case .ns: writeServers(.ns, records, &exchange)
        case .mx: writeServers(.mx, records.filter(\.isMail), &exchange)
        case .srv: writeServers(.srv, records, &exchange)
        case .txt where records.contains { !$0.text.isEmpty }:
            for record in records where !record.text.isEmpty { writeText(record, &exchange) }
        default: return writeCNAME(records, &exchange)
        }
        return nil
    }

    private func writeAddresses(_ records: [EtcdRecord], _ exchange: inout Exchange) -> Verdict? {
        let question = exchange.question
        var seen: Set<IPAddress> = []
        var addresses: [(EtcdRecord, IPAddress)] = []
        for record in records {
            guard case .address(let address) = record.host, seen.insert(address).inserted else { continue }
            addresses.append((record, address))
        }
        guard !addresses.isEmpty else { return writeCNAME(records, &exchange) }
        let wanted = addresses.filter { $0.1.isIPv4 == (question.type == .a) }
        for index in wanted.indices {
            let (record, address) = wanted[(index + exchange.style.rotation) % wanted.count]
            let fits = withBytes(address.octets) {
                exchange.response.appendRecord(
                    owner: question.nameOffset, type: question.type, ttl: record.ttl, data: $0, in: .answer)
            }
            if !fits { exchange.response.truncate() }
        }
        return nil
    }

    /// Leads to the first name that a record has for host, where none has an address: a name has one CNAME and nothing
    /// beside it (RFC 2181 §10.1).
    private func writeCNAME(_ records: [EtcdRecord], _ exchange: inout Exchange) -> Verdict? {
        let question = exchange.question
        let own = Name(question.folded)
        var found: (EtcdRecord, Name)?
        for record in records {
            switch record.host {
            case .address: return nil
            case .name(let target): if found == nil, record.text.isEmpty, target != own { found = (record, target) }
            case nil: break
            }
        }
        guard let (record, target) = found else { return nil }
        let place = withBytes(target.wire) {
            exchange.response.writeCNAME(owner: question.nameOffset, ttl: record.ttl, target: $0)
        }
        return place.map { exchange.chase(targetAt: $0) } ?? .answered
    }

    private func writeNames(_ type: RecordType, _ names: [(EtcdRecord, Name)], _ exchange: inout Exchange) {
        var seen: Set<Name> = []
        for (record, name) in names where seen.insert(name).inserted {
            exchange.response.beginRecord(owner: exchange.question.nameOffset, type: type, ttl: record.ttl)
            withBytes(name.wire) { exchange.response.writeName($0) }
            if !exchange.response.endRecord(in: .answer) { exchange.response.truncate() }
        }
    }

    private func writeText(_ record: EtcdRecord, _ exchange: inout Exchange) {
        exchange.response.beginRecord(owner: exchange.question.nameOffset, type: .txt, ttl: record.ttl)
        let octets = Array(record.text.utf8.prefix(60_000))
        for start in stride(from: 0, to: octets.count, by: 255) {
            let part = octets[start..<min(start + 255, octets.count)]
            exchange.response.write(UInt8(truncatingIfNeeded: part.count))
            withBytes(Array(part)) { exchange.response.write($0) }
        }
        if !exchange.response.endRecord(in: .answer) { exchange.response.truncate() }
    }

    /// Records that name a host: one with an address has the name of its key, and its address goes with them.
    private func writeServers(_ type: RecordType, _ records: [EtcdRecord], _ exchange: inout Exchange) {
        struct Server: Hashable {
            let target: Name
            let port: UInt16
            let priority: UInt16
        }
        var sums: [UInt16: Int] = [:]
        for record in records { sums[record.priority, default: 0] += record.weight == 0 ? 100 : Int(record.weight) }
        var seen: Set<Server> = []
        var glue: [(Name, EtcdRecord, IPAddress)] = []
        for record in records {
            let target: Name
            switch record.host {
            case .name(let name): target = name
            case .address(let address):
                target = record.name
                glue.append((target, record, address))
            case nil: continue
            }
            guard seen.insert(Server(target: target, port: record.port, priority: record.priority)).inserted else {
                continue
            }
            let owner = exchange.question.nameOffset
            exchange.response.beginRecord(owner: owner, type: type, ttl: record.ttl)
            if type != .ns { exchange.response.write(record.priority) }
            if type == .srv {
                let weight = (record.weight == 0 ? 100 : Int(record.weight)) * 100 / max(1, sums[record.priority] ?? 1)
                exchange.response.write(UInt16(clamping: max(1, weight)))
                exchange.response.write(record.port)
            }
            withBytes(target.wire) { name in
                // Targets of SRV are not compressed (RFC 2782).
                if type == .srv { exchange.response.write(name) } else { exchange.response.writeName(name) }
            }
            if !exchange.response.endRecord(in: .answer) { exchange.response.truncate() }
        }
        for (name, record, address) in glue {
            withBytes(name.wire) {
                exchange.response.beginRecord(
                    owner: $0, type: address.isIPv4 ? .a : .aaaa, class: RecordClass.internet, ttl: record.ttl)
            }
            withBytes(address.octets) { exchange.response.write($0) }
            _ = exchange.response.endRecord(in: .additional)
        }
    }
}
