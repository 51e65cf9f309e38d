import DNSServer
import DNSWire
import ZoneData

/// Signs on one loop what the handlers behind it answer.
///
/// What does not exist is denied by records made for the question alone, which say that its name has other types
/// ("black lies"): NXDOMAIN becomes an answer without records.
final class DNSSECHandler: Handler {
    private let zones: [Name]
    private let cache: SignatureCache

    init(_ settings: DNSSECSettings, _ cache: SignatureCache) {
        // Zones below others first.
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }
        self.cache = cache
    }

    /// What the parent's side says at a name: whether it is delegated, which the denial of DS must know.
    private final class Delegation {
        let isThere: Bool
        init(_ isThere: Bool) { self.isThere = isThere }
    }

    /// Marks the question for name servers that comes before one for DS.
    private final class AboutNameServers {}

    /// Marks the question for the SOA record of a denial that came without one, and holds what is denied.
    private final class Unproved {
        let denial: Denial
        let apex: ByteBlock
        let additionals: [ZoneRecord]

        init(_ denial: Denial, of zone: Name, _ additionals: [ZoneRecord]) {
            self.denial = denial
            apex = ByteBlock(zone.wire)
            self.additionals = additionals
        }
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard exchange.isFirstQuestion, question.class == RecordClass.internet, zone(of: question.folded) != nil,
            question.type != .axfr, question.type != .ixfr
        else { return .next }
        let isSigned = exchange.asked.edns?.dnssecOK == true
        if question.type == .dnskey, let zone = zones.first(where: { $0.wire == question.folded.array }) {
            let keys = cache.keyRecords(of: zone, owner: question.name.array)
            exchange.isAuthoritative = true
            write(keys + (isSigned ? cache.signatures(of: keys, for: zone) : []), in: .answer, &exchange)
            return .answered
        }
        guard isSigned else { return .next }
        if question.type == .ds {
            return .ask(Subquery(question.name, .ns, class: question.class, note: AboutNameServers()))
        }
        return .ask(Subquery(question.name, question.type, class: question.class))
    }

    func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict {
        let question = exchange.question
        if note is AboutNameServers {
            let isThere = !response.isAuthoritative && response.answers == 0 && response.authorities > 0
            return .ask(Subquery(question.name, .ds, class: question.class, note: Delegation(isThere)))
        }
        if let unproved = note as? Unproved {
            prove(unproved, by: response, &exchange)
            return .answered
        }
        guard !response.isUnanswered, response.code == .noError || response.code == .nameError,
            let records = ReceivedRecords(response.message.array),
            // What is signed already is left as it is.
            !(records.answers + records.authorities).contains(where: { $0.type == RecordType.rrsig.rawValue })
        else {
            exchange.take(response)
            return .answered
        }
        exchange.adopt(response)
        let denial = denial(records, question, isDelegated: (note as? Delegation)?.isThere ?? false)
        if denial != nil { exchange.response.code = .noError }
        copy(.answer, records.answers, response, &exchange)
        if let denial, question.type == .nsec, records.answers.isEmpty {
            // Who asks for the denial itself gets it.
            write(self.records(of: denial, ttl: denial.ttl ?? 0), in: .answer, &exchange)
            return .answered
        }
        copy(.authority, records.authorities, response, &exchange)
        if let denial {
            guard let ttl = denial.ttl else {
                // Plugins without a zone of their own have no SOA, and resolvers take no denial without one.
                let unproved = Unproved(denial, of: denial.zone, records.additionals)
                return .ask(Subquery(unproved.apex.view, .soa, class: question.class, note: unproved))
            }
            write(self.records(of: denial, ttl: ttl), in: .authority, &exchange)
        }
        copy(.additional, records.additionals, response, &exchange)
        return .answered
    }

    /// The longest of the zones that is `name` or above it.
    private func zone(of name: ByteView) -> Name? { zone(of: name.array) }

    /// - Parameter type: DS is signed by the parent of the zone that its owner is the apex of.
    private func zone(of name: [UInt8], signs type: UInt16 = 0) -> Name? {
        let name = withBytes(name.map(folded)) { Name($0) }
        return zones.first { name.isSubdomain(of: $0) && (type != RecordType.ds.rawValue || name != $0) }
    }

    // MARK: Signing

    /// Copies the records of one section and adds the signatures of its sets, as far as they are of the zones.
    private func copy(
        _ section: Section, _ records: [ZoneRecord], _ response: InnerResponse, _ exchange: inout Exchange
    ) {
        let (records, repeated) = Self.each(records)
        var position = 0
        for (record, place) in response.records where place == section {
            if !repeated.contains(position) {
                exchange.copy(record, of: response, ttl: record.ttl, in: section)
            }
            position += 1
        }
        let isReferral = section == .authority && !response.isAuthoritative
        for set in Self.sets(records) {
            guard let first = set.first, let zone = zone(of: first.owner, signs: first.type) else { continue }
            // The child signs its own name servers and their addresses.
            if isReferral, first.type == RecordType.ns.rawValue { continue }
            if section == .additional, !response.isAuthoritative { continue }
            write(cache.signatures(of: set, for: zone), in: section, &exchange)
        }
    }

    /// Each record once, and the positions of those that are there already: a signature is over a set, in which no record
    /// stands twice (RFC 4034 §6.3).
    private static func each(_ records: [ZoneRecord]) -> (records: [ZoneRecord], repeated: Set<Int>) {
        var seen: Set<RecordKey> = []
        let repeated = Set(records.indices.filter { !seen.insert(RecordKey(records[$0])).inserted })
        return (records.indices.filter { !repeated.contains($0) }.map { records[$0] }, repeated)
    }

    /// Records of one owner and type each, in the order of their first.
    private static func sets(_ records: [ZoneRecord]) -> [[ZoneRecord]] {
        var sets: [[ZoneRecord]] = []
        for record in records {
            let owner = record.owner.map(folded)
            if let place = sets.firstIndex(where: { $0[0].type == record.type && $0[0].owner.map(folded) == owner }) {
                sets[place].append(record)
            } else {
                sets.append([record])
            }
        }
        return sets
    }

    private func write(_ records: [ZoneRecord], in section: Section, _ exchange: inout Exchange) {
        for record in records {
            withBytes(record.owner) {
                exchange.response.beginRecord(
                    owner: $0, type: RecordType(rawValue: record.type), class: record.class, ttl: record.ttl)
            }
            withBytes(record.data) { exchange.response.write($0) }
            // Signatures that are missing make an answer worthless to those who asked for them (RFC 4035 §3.1.1).
            if !exchange.response.endRecord(in: section), section != .additional { exchange.response.truncate() }
        }
    }

    // MARK: Denying

    /// What does not exist.
    private struct Denial {
        let owner: [UInt8]
        /// Those that the name has all the same.
        let types: [UInt16]
        let zone: Name
        /// Seconds; nil where the SOA record that says it is missing.
        let ttl: UInt32?
    }

    /// What the response denies; nil for other answers.
    private func denial(_ records: ReceivedRecords, _ question: Question, isDelegated: Bool) -> Denial? {
        let authorities = records.authorities
        let denied = Self.denied(records, question)
        let start = authorities.first { $0.type == RecordType.soa.rawValue }
        if let servers = authorities.first(where: { $0.type == RecordType.ns.rawValue }), start == nil {
            let isSafe = authorities.contains { $0.type == RecordType.ds.rawValue }
            guard records.answers.isEmpty, !isSafe, let zone = zone(of: servers.owner) else { return nil }
            return Denial(owner: servers.owner, types: TypeBitmap.delegation, zone: zone, ttl: servers.ttl)
        }
        guard start != nil || Self.isEmpty(records, question), let zone = zone(of: denied) else { return nil }
        let types =
            isDelegated
            ? TypeBitmap.delegation : Self.types(at: denied, of: start?.owner ?? zone.wire, but: question.type)
        return Denial(owner: denied, types: types, zone: zone, ttl: start?.ttl)
    }

    /// The NSEC record and its signatures.
    private func records(of denial: Denial, ttl: UInt32) -> [ZoneRecord] {
        let record = ZoneRecord(
            owner: denial.owner, type: RecordType.nsec.rawValue, ttl: ttl,
            data: Self.successor(of: denial.owner, in: denial.zone) + TypeBitmap.octets(denial.types))
        return [record] + cache.signatures(of: [record], for: denial.zone)
    }

    /// Completes a denial by the zone's SOA record, if there is one; without it, nothing says how long it may be kept
    /// (RFC 2308 §5).
    private func prove(_ unproved: Unproved, by response: InnerResponse, _ exchange: inout Exchange) {
        let denial = unproved.denial
        var ttl: UInt32 = 0
        let answers = response.code == .noError ? ReceivedRecords(response.message.array)?.answers ?? [] : []
        if var start = answers.first(where: { $0.type == RecordType.soa.rawValue && $0.data.count >= 22 }) {
            let minimum = start.data.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
            start.ttl = min(start.ttl, minimum)
            ttl = start.ttl
            write([start] + cache.signatures(of: [start], for: denial.zone), in: .authority, &exchange)
        }
        write(records(of: denial, ttl: ttl), in: .authority, &exchange)
        write(unproved.additionals, in: .additional, &exchange)
    }

    /// The name that a negative answer is about: the one asked for, or what the CNAMEs of the answer lead to.
    private static func denied(_ records: ReceivedRecords, _ question: Question) -> [UInt8] {
        records.answers.last { $0.type == RecordType.cname.rawValue }?.data ?? question.name.array
    }

    /// True where the answer has nothing of what was asked for, but CNAMEs that lead there.
    private static func isEmpty(_ records: ReceivedRecords, _ question: Question) -> Bool {
        guard let last = records.answers.last else { return true }
        return last.type == RecordType.cname.rawValue && question.type != .cname && question.type != .any
    }

    private static func types(at owner: [UInt8], of zone: [UInt8], but type: RecordType) -> [UInt16] {
        let all = owner.map(folded) == zone.map(folded) ? TypeBitmap.apex : TypeBitmap.anywhere
        return type == .nsec ? all : all.filter { $0 != type.rawValue }
    }

    /// The first name that can stand behind `name` (RFC 4034 §6.1); the zone's where there is no room for it.
    private static func successor(of name: [UInt8], in zone: Name) -> [UInt8] {
        name.count + 2 <= 255 ? [1, 0] + name.map(folded) : zone.wire
    }
}
