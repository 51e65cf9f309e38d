package import DNSWire

/// Steps through every record of one zone, message by message, in one snapshot that it keeps alive (RFC 5936 §2.2).
///
/// Records are those that questions get, but for SOA and NS and the addresses of `ns.dns`, which are the caller's, and
/// for `pods insecure`, whose names nobody can count. The zone's name must stand at offset 12 of each message.
package final class ZoneWalk {
    let snapshot: ClusterSnapshot
    let view: ClusterView
    /// Folded wire form.
    let zone: ByteBlock
    let isReverse: Bool
    /// The zone has the services of all clusters, not those of this one.
    let isMulticluster: Bool
    /// Where PTR records point into.
    let primaryZone: ByteBlock
    let ttl: UInt32
    var place = Place()
    /// Of the record written last: where the owner's service or namespace stands in this message.
    var ownerOffset: Int?
    /// For the answers to one question: an SRV record for each of 1,024 ports at the most.
    private let scratch = ByteBlock(capacity: 300_000)

    /// The element whose records come next.
    struct Place {
        enum Part { case version, services, pods, addresses, end }
        var part = Part.version
        var shard = 0
        /// Of the entry in its table; 0 is the start.
        var entry = 0
        /// Of a service: as in `ServiceRecords`.
        var section = 0
        var element = 0
        /// Records of the element that stand in earlier messages.
        var written = 0
        /// Records of the element told since the start of this message.
        var told = 0

        mutating func begin(_ next: Part) { self = Place(part: next) }

        mutating func beginElement(_ next: Int) {
            element = next
            written = 0
        }

        mutating func beginEntry(_ next: Int) {
            entry = next
            section = 0
            beginElement(0)
        }

        mutating func beginShard(_ next: Int) {
            shard = next
            beginEntry(0)
        }
    }

    /// - Parameters:
    ///   - zone: a zone's apex.
    ///   - ttl: of all records, in seconds.
    package init(
        _ snapshot: ClusterSnapshot, zone: Name, isMulticluster: Bool = false, primaryZone: Name, ttl: UInt32
    ) {
        self.snapshot = snapshot
        view = snapshot.view
        self.zone = ByteBlock(zone.wire)
        isReverse = zone.isReverse
        self.isMulticluster = isMulticluster
        self.primaryZone = ByteBlock(primaryZone.wire)
        self.ttl = ttl
    }

    /// Appends records until the message is full; true when there are no more.
    package func append(to response: inout MessageWriter) -> Bool {
        ownerOffset = nil
        place.told = 0
        while true {
            switch place.part {
            case .version:
                guard appendVersion(to: &response) else { return false }
                place.begin(isReverse ? .addresses : .services)
            case .services:
                guard appendServices(to: &response) else { return false }
                place.begin(.pods)
            case .pods:
                guard appendPods(to: &response) else { return false }
                place.begin(.end)
            case .addresses:
                guard appendAddresses(to: &response) else { return false }
                place.begin(.end)
            case .end: return true
            }
        }
    }

    // MARK: - Records

    /// Writes one record of the current element unless an earlier message has it; false when it does not fit.
    func tell(_ response: inout MessageWriter, _ write: (inout MessageWriter) -> Bool) -> Bool {
        if place.told < place.written {
            place.told += 1
            return true
        }
        // What does not fit into an empty message fits into none.
        guard write(&response) || response.answers == 0 else { return false }
        place.told += 1
        place.written += 1
        return true
    }

    /// Writes the records that a question of that type gets, at the owner that `writeOwner` writes.
    func tellAnswer(
        _ type: RecordType, to response: inout MessageWriter, owner writeOwner: (inout MessageWriter) -> Void,
        _ answer: (ClusterQuestion, inout MessageWriter) -> ClusterAnswer
    ) -> Bool {
        var answers = MessageWriter(scratch.bytes)
        answers.begin(.empty, Query(), size: scratch.bytes.capacity)
        let question = ClusterQuestion(
            name: zone.view, folded: zone.view, type: type, nameOffset: 12, zoneLength: zone.view.count,
            zoneIsReverse: isReverse, ttl: ttl, rotation: 0)
        _ = answer(question, &answers)
        let written = answers.written
        for (record, section) in answers.records(at: 12) where section == .answer {
            let isTold = tell(&response) { response in
                response.beginRecord(type: record.type, ttl: record.ttl, writeOwner: writeOwner)
                response.write(written.slice(record.dataOffset, record.dataLength))
                return response.endRecord(in: .answer)
            }
            guard isTold else { return false }
        }
        return true
    }

    func finishElement() {
        place.beginElement(place.element + 1)
        place.told = 0
    }

    private func appendVersion(to response: inout MessageWriter) -> Bool {
        tellAnswer(.txt, to: &response) { owner in
            owner.write(.literal("\u{b}dns-version"))
            owner.writePointer(to: 12)
        } _: { question, answers in
            view.writeSchemaVersion(question, to: &answers)
        }
    }

    // MARK: - Addresses

    private func appendPods(to response: inout MessageWriter) -> Bool {
        guard view.pods == .verified else { return true }
        return appendEntries(of: snapshot.tables.pods) { table, entry in
            let mark = PodMark(entry.payload)
            // Pods on their host's network share an address, and one namespace may have many of them.
            let isFirst = isFirst(entry, of: table) { other in
                let other = PodMark(other.payload)
                return other.isPrimary && other.namespace.equals(mark.namespace)
            }
            guard mark.isPrimary, isFirst, view.namespaceExists(mark.namespace) else { return true }
            return appendPod(entry.address, mark.namespace, to: &response)
        }
    }

    private func appendAddresses(to response: inout MessageWriter) -> Bool {
        appendEntries(of: snapshot.tables.reverse) { table, entry in
            guard isFirst(entry, of: table, where: { _ in true }) else { return true }
            return appendPointers(entry.address, to: &response)
        }
    }

    private func appendEntries(
        of tables: [Shard], _ append: (AddressTable, AddressTable.Entry) -> Bool
    ) -> Bool {
        while place.shard < Tables.shardCount {
            let table = AddressTable(bytes: tables[place.shard].view)
            var next = place.entry
            while let entry = table.next(&next) {
                guard append(table, entry) else { return false }
                place.told = 0
                place.beginEntry(next)
            }
            place.beginShard(place.shard + 1)
        }
        return true
    }

    /// True for the first of the address' entries that are of a kind.
    private func isFirst(
        _ entry: AddressTable.Entry, of table: AddressTable, where isOfKind: (AddressTable.Entry) -> Bool
    ) -> Bool {
        var search = table.search(entry.address, hash: AddressTable.hash(entry.address, seed: view.seed))
        while let other = table.nextEntry(&search) {
            if isOfKind(other) { return other.place == entry.place }
        }
        return false
    }

    private func appendPod(_ address: IPAddress, _ namespace: ByteView, to response: inout MessageWriter) -> Bool {
        let label = AddressLabel(address)
        guard 2 + label.count + namespace.count + 4 + zone.view.count <= 255 else { return true }
        return tell(&response) { response in
            response.beginRecord(type: address.isIPv4 ? .a : .aaaa, ttl: ttl) { owner in
                owner.write(UInt8(truncatingIfNeeded: label.count))
                for index in 0..<label.count { owner.write(label[index]) }
                owner.write(UInt8(truncatingIfNeeded: namespace.count))
                owner.write(namespace)
                owner.write(.literal("\u{3}pod"))
                owner.writePointer(to: 12)
            }
            for index in 0..<address.octetCount { response.write(address.octet(index)) }
            return response.endRecord(in: .answer)
        }
    }

    /// Writes the PTR records that a question for the address gets.
    private func appendPointers(_ address: IPAddress, to response: inout MessageWriter) -> Bool {
        withBytes(address.reverseName) { name in
            guard name.isSubdomain(of: zone.view), name.count > zone.view.count else { return true }
            return tellAnswer(.ptr, to: &response) { owner in
                owner.write(name.slice(0, name.count - zone.view.count))
                owner.writePointer(to: 12)
            } _: { question, answers in
                view.answerReverse(address, question, primaryZone: primaryZone.view, to: &answers)
            }
        }
    }
}
