package import DNSWire

/// All records of a zone for AXFR, from SOA to SOA (RFC 5936 §2.2), in as many messages as they take.
package final class ZoneTransfer {
    /// Octets of a message: compression pointers reach no further.
    static let messageSize = 0x3FFF

    package let table: ZoneTable
    private var node = 0
    /// Position in the tables' sets.
    private var set = 0
    /// Position in the set, signatures behind the records.
    private var record = 0
    /// Where that record's data stand; 0 at the start of a set.
    private var offset = 0
    private var isBegun = false

    package init(_ table: ZoneTable) { self.table = table }

    /// Writes the SOA record alone; false when it does not fit.
    @discardableResult
    package func appendSOA(to response: inout MessageWriter) -> Bool {
        withBytes(table.octets) { octets in
            let zone = ZoneView(table: table, octets: octets)
            guard let set = zone.set(.soa, at: 0) else { return false }
            return RecordWriting.write(
                zone.firstData(set), .soa, table.sets[set].ttl, .name(zone.name(0)), .answer, &response)
        }
    }

    /// Writes records until no more fit; true when there are more.
    package func fill(_ response: inout MessageWriter) -> Bool {
        response.limit(to: Self.messageSize)
        if !isBegun {
            isBegun = true
            appendSOA(to: &response)
        }
        guard appendRecords(to: &response) else { return true }
        return !appendSOA(to: &response)
    }

    /// True once all are written.
    private func appendRecords(to response: inout MessageWriter) -> Bool {
        withBytes(table.octets) { octets in
            let zone = ZoneView(table: table, octets: octets)
            while node < table.nodes.count {
                let sets = zone.sets(at: node)
                if set < sets.lowerBound { set = sets.lowerBound }
                while set < sets.upperBound {
                    guard appendSet(zone, &response) else { return false }
                    set += 1
                    (record, offset) = (0, 0)
                }
                node += 1
            }
            return true
        }
    }

    private func appendSet(_ zone: ZoneView, _ response: inout MessageWriter) -> Bool {
        let entry = table.sets[set]
        if record == 0 { offset = Int(entry.offset) }
        while record < Int(entry.count) + Int(entry.signatureCount) {
            let length = Int(zone.octets.uint16(at: offset))
            let isSignature = record >= Int(entry.count)
            // The SOA stands at both ends.
            if entry.type != .soa || isSignature {
                guard
                    RecordWriting.write(
                        zone.octets.slice(offset + 2, length), isSignature ? .rrsig : entry.type,
                        isSignature ? entry.signatureTTL : entry.ttl, .name(zone.name(node)), .answer, &response)
                else { return false }
            }
            record += 1
            offset += 2 + length
        }
        return true
    }
}
