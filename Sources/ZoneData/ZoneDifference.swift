package import DNSWire

/// What leads from one version of a zone to the next (RFC 1995 §4).
package struct ZoneDifference: Sendable {
    package let from: UInt32
    package let to: UInt32
    /// As records are sent: the old SOA and what goes, the new SOA and what comes.
    package let records: [ZoneRecord]

    /// Nil where there are more records than `most`, or where a version has no SOA.
    package init?(from old: ZoneTable, to new: ZoneTable, most: Int) {
        guard let oldStart = old.startOfAuthority, let newStart = new.startOfAuthority else { return nil }
        var removed: [ZoneRecord] = []
        var added: [ZoneRecord] = []
        let isWithin = old.walk(beside: new) { before, after in
            guard before != after else { return true }
            let (befores, afters) = (Set(before), Set(after))
            removed += before.filter { !afters.contains($0) }
            added += after.filter { !befores.contains($0) }
            return removed.count + added.count <= most
        }
        guard isWithin else { return nil }
        (from, to) = (old.serial, new.serial)
        records = [oldStart] + removed + [newStart] + added
    }

    /// Follows a chain of differences from `serial` to its end; nil where it does not lead there.
    package static func chain(_ differences: [ZoneDifference], from serial: UInt32) -> [ZoneDifference]? {
        guard let first = differences.lastIndex(where: { $0.from == serial }) else { return nil }
        return Array(differences[first...])
    }
}

/// The messages of an incremental transfer.
package final class ZoneDifferenceTransfer {
    private let records: [ZoneRecord]
    private var position = 0

    /// - Parameter differences: one after the other, of which the last leads to `table`.
    package init(_ differences: [ZoneDifference], to table: ZoneTable) {
        let start = table.startOfAuthority.map { [$0] } ?? []
        records = start + differences.flatMap(\.records) + start
    }

    /// Writes records until no more fit; true when there are more.
    package func fill(_ response: inout MessageWriter) -> Bool {
        response.limit(to: ZoneTransfer.messageSize)
        while position < records.count {
            let record = records[position]
            let isWritten = withBytes(record.owner) { owner in
                withBytes(record.data) { data in
                    RecordWriting.write(
                        data, RecordType(rawValue: record.type), record.ttl, .name(owner), .answer, &response)
                }
            }
            guard isWritten else { return true }
            position += 1
        }
        return false
    }
}

extension ZoneTable {
    package var startOfAuthority: ZoneRecord? { records(at: 0).first { $0.type == RecordType.soa.rawValue } }

    /// Every record of the zone.
    package var records: [ZoneRecord] { nodes.indices.flatMap { records(at: $0) } }

    /// The records of one name, signatures behind what they sign.
    private func records(at node: Int) -> [ZoneRecord] {
        withBytes(octets) { octets in
            let zone = ZoneView(table: self, octets: octets)
            let owner = zone.name(node).array
            var records: [ZoneRecord] = []
            for set in zone.sets(at: node) {
                let entry = sets[set]
                var offset = Int(entry.offset)
                for index in 0..<(Int(entry.count) + Int(entry.signatureCount)) {
                    let length = Int(octets.uint16(at: offset))
                    let isSignature = index >= Int(entry.count)
                    records.append(
                        ZoneRecord(
                            owner: owner, type: isSignature ? RecordType.rrsig.rawValue : entry.type.rawValue,
                            ttl: isSignature ? entry.signatureTTL : entry.ttl,
                            data: octets.slice(offset + 2, length).array))
                    offset += 2 + length
                }
            }
            return records
        }
    }

    /// Goes through the names of two versions together and hands over the records of each, without the SOA, until `take`
    /// gives false; gives what it gave last.
    fileprivate func walk(
        beside other: ZoneTable, _ take: (_ before: [ZoneRecord], _ after: [ZoneRecord]) -> Bool
    ) -> Bool {
        func plain(_ records: [ZoneRecord]) -> [ZoneRecord] { records.filter { $0.type != RecordType.soa.rawValue } }
        // Names and owners of NSEC3 records stand in canonical order, each for themselves.
        for (mine, theirs) in [
            (0..<plainCount, 0..<other.plainCount),
            (plainCount..<nodes.count, other.plainCount..<other.nodes.count),
        ] {
            var (left, right) = (mine.lowerBound, theirs.lowerBound)
            while left < mine.upperBound || right < theirs.upperBound {
                let order =
                    left == mine.upperBound
                    ? 1 : right == theirs.upperBound ? -1 : compare(left, other, right)
                let before = order <= 0 ? plain(records(at: left)) : []
                let after = order >= 0 ? plain(other.records(at: right)) : []
                guard take(before, after) else { return false }
                if order <= 0 { left += 1 }
                if order >= 0 { right += 1 }
            }
        }
        return true
    }

    private func compare(_ node: Int, _ other: ZoneTable, _ otherNode: Int) -> Int {
        withBytes(octets) { mine in
            withBytes(other.octets) { theirs in
                CanonicalOrder.compare(
                    ZoneView(table: self, octets: mine).name(node),
                    ZoneView(table: other, octets: theirs).name(otherNode))
            }
        }
    }
}
