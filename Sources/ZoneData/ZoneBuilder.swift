package import DNSWire

/// Gathers the records of a zone and lays them out as a table.
package struct ZoneBuilder {
    /// The most octets of names and data of one zone.
    package static let mostOctets = 1 << 30

    /// One record, its data in `octets`.
    private struct Entry {
        var node: UInt32
        var type: RecordType
        /// Type that a signature covers; else the record's own.
        var covered: RecordType
        var length: UInt16
        var ttl: UInt32
        var offset: UInt32
    }

    private let origin: Name
    private let mostOctets: Int
    private var octets: [UInt8] = []
    private var names: [(offset: UInt32, length: UInt8)] = []
    private var slots = [UInt32](repeating: ZoneTable.none, count: 64)
    private let seed = UInt64.random(in: 0 ... .max)
    private var entries: [Entry] = []
    private var foreign = 0
    private var isHashed: [Bool] = []

    /// - Parameter mostOctets: of names and data.
    package init(origin: Name, mostOctets: Int = Self.mostOctets) {
        self.origin = origin
        self.mostOctets = mostOctets
        _ = intern(origin.wire, isHashed: false)
    }

    /// Adds a record; gives what is wrong with it, if it cannot be part of any zone.
    package mutating func add(_ record: ZoneRecord) -> String? {
        guard record.class == RecordClass.internet else { return "a record of class \(record.class), expected IN" }
        let type = RecordType(rawValue: record.type)
        guard type.rawValue != 0 else { return "a record without a known type" }
        guard !type.isQuestionOnly else { return "a record of type \(type)" }
        guard record.data.count <= 0xFFFF, (1...255).contains(record.owner.count) else { return "too long a record" }
        guard octets.count + record.data.count + 600 < mostOctets else { return "more than a zone may hold" }
        let isBelow = withBytes(record.owner.map(folded)) { owner in
            withBytes(origin.wire) { owner.isSubdomain(of: $0) }
        }
        guard isBelow else {
            foreign += 1
            return nil
        }
        var covered = type
        if type == .rrsig {
            guard record.data.count >= 18 else { return "a signature of \(record.data.count) octets" }
            covered = RecordType(rawValue: UInt16(record.data[0]) << 8 | UInt16(record.data[1]))
        }
        guard RecordField.isWellFormed(record.data, type) else { return "octets that are no data of \(type)" }
        let node = intern(record.owner, isHashed: covered == .nsec3)
        let offset = UInt32(octets.count)
        octets += record.data
        entries.append(
            Entry(
                node: node, type: type, covered: covered, length: UInt16(record.data.count), ttl: record.ttl,
                offset: offset))
        return nil
    }

    // MARK: Names

    /// The number of this name; those above it in the zone get theirs, too.
    private mutating func intern(_ owner: [UInt8], isHashed: Bool) -> UInt32 {
        let folded = owner.map(DNSWire.folded)
        let hash = withBytes(folded) { Int(truncatingIfNeeded: $0.hash(seed: seed)) }
        var slot = hash & (slots.count - 1)
        while slots[slot] != ZoneTable.none {
            let number = slots[slot]
            let name = names[Int(number)]
            let isSame = withBytes(octets) { octets in
                withBytes(folded) { octets.slice(Int(name.offset), Int(name.length)).equalsName($0) }
            }
            if isSame { return number }
            slot = (slot + 1) & (slots.count - 1)
        }
        let number = UInt32(names.count)
        slots[slot] = number
        names.append((UInt32(octets.count), UInt8(owner.count)))
        self.isHashed.append(isHashed)
        octets += owner
        if names.count * 2 > slots.count { grow() }
        if owner.count > origin.wire.count {
            _ = intern(Array(owner[(Int(owner[0]) + 1)...]), isHashed: false)
        }
        return number
    }

    private mutating func grow() { slots = Self.table(names.indices.map { UInt32($0) }, names, octets, seed) }

    /// Slots for these names, at most half of them taken.
    private static func table(
        _ numbers: [UInt32], _ names: [(offset: UInt32, length: UInt8)], _ octets: [UInt8], _ seed: UInt64
    ) -> [UInt32] {
        var size = 64
        while size < numbers.count * 2 + 2 { size *= 2 }
        var slots = [UInt32](repeating: ZoneTable.none, count: size)
        let room = ByteBlock(capacity: 256)
        withBytes(octets) { octets in
            for (position, number) in numbers.enumerated() {
                let name = names[Int(number)]
                let view = octets.slice(Int(name.offset), Int(name.length))
                for index in 0..<view.count { room.bytes.store(folded(view[index]), at: index) }
                var slot = Int(truncatingIfNeeded: room.bytes.view(view.count).hash(seed: seed)) & (size - 1)
                while slots[slot] != ZoneTable.none { slot = (slot + 1) & (size - 1) }
                slots[slot] = UInt32(position)
            }
        }
        return slots
    }

    // MARK: Layout

    /// The finished table.
    ///
    /// - Throws: what keeps it from being a zone.
    package consuming func finish() throws(ZoneContentError) -> ZoneTable {
        let order = sortedNames()
        var rank = [UInt32](repeating: 0, count: names.count)
        for (position, number) in order.enumerated() { rank[Int(number)] = UInt32(position) }
        for index in entries.indices { entries[index].node = rank[Int(entries[index].node)] }
        let sorted = entries.indices.sorted { left, right in
            let (a, b) = (entries[left], entries[right])
            if a.node != b.node { return a.node < b.node }
            if a.covered != b.covered { return a.covered.rawValue < b.covered.rawValue }
            if (a.type == .rrsig) != (b.type == .rrsig) { return b.type == .rrsig }
            return left < right
        }
        var layout = ZoneLayout(origin: origin, capacity: octets.count + 2 * entries.count, seed: seed)
        let plain = order.count { !isHashed[Int($0)] }
        withBytes(octets) { octets in
            for number in order {
                let name = names[Int(number)]
                layout.addName(octets.slice(Int(name.offset), Int(name.length)))
            }
            for index in sorted {
                let entry = entries[index]
                let data = octets.slice(Int(entry.offset), Int(entry.length))
                layout.addRecord(Int(entry.node), entry.type, covered: entry.covered, entry.ttl, data)
            }
        }
        return try layout.finish(
            plainCount: plain, slots: Self.table(Array(order.prefix(plain)), names, octets, seed), foreign: foreign)
    }

    /// Numbers of names in canonical order, those of NSEC3 behind the others.
    private func sortedNames() -> [UInt32] {
        withBytes(octets) { octets in
            func view(_ number: UInt32) -> ByteView {
                let name = names[Int(number)]
                return octets.slice(Int(name.offset), Int(name.length))
            }
            return names.indices.map { UInt32($0) }.sorted { left, right in
                let (a, b) = (isHashed[Int(left)], isHashed[Int(right)])
                return a == b ? CanonicalOrder.compare(view(left), view(right)) < 0 : b
            }
        }
    }
}

/// What keeps records from being a zone.
package struct ZoneContentError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
