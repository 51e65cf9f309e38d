import DNSWire

/// Lays sorted records out as a zone's tables, and marks what answers need to know of each name.
struct ZoneLayout {
    private let origin: Name
    private let seed: UInt64
    private var octets: [UInt8] = []
    private var nodes: [ZoneTable.Node] = []
    private var sets: [ZoneTable.RecordSet] = []
    /// Where the data of each record of the newest set begin.
    private var current: [Int] = []
    /// The same by a hash of the data, once there are more than a few.
    private var currentByHash: [UInt64: [Int]] = [:]
    private static let few = 16
    private var currentNode = -1
    private var recordCount = 0
    private var orphans = 0

    init(origin: Name, capacity: Int, seed: UInt64) {
        self.origin = origin
        self.seed = seed
        octets.reserveCapacity(capacity)
    }

    mutating func addName(_ name: ByteView) {
        nodes.append(ZoneTable.Node(nameOffset: UInt32(octets.count), nameLength: UInt8(name.count)))
        append(name)
    }

    private mutating func append(_ view: ByteView) {
        for index in 0..<view.count { octets.append(view[index]) }
    }

    /// Adds a record behind those of its set; one that is there already is left out (RFC 2181 §5), as is one that says the
    /// same in other letters: a signature is over one of them, and copies of the zone could not tell them apart.
    mutating func addRecord(_ node: Int, _ type: RecordType, covered: RecordType, _ ttl: UInt32, _ data: ByteView) {
        let isSignature = type == .rrsig
        if node != currentNode || sets.last?.type != covered {
            guard !isSignature else {
                orphans += 1
                return
            }
            if node != currentNode { nodes[node].firstSet = UInt32(sets.count) }
            currentNode = node
            nodes[node].setCount += 1
            sets.append(ZoneTable.RecordSet(type: covered, ttl: ttl, offset: UInt32(octets.count)))
            current = []
            if !currentByHash.isEmpty { currentByHash = [:] }
        }
        let last = sets.count - 1
        guard current.count < 0x7FFF, !isKnown(data, type) else { return }
        remember(octets.count, data)
        octets.append(UInt8(data.count >> 8))
        octets.append(UInt8(data.count & 0xFF))
        append(data)
        recordCount += 1
        if isSignature {
            sets[last].signatureTTL = sets[last].signatureCount == 0 ? ttl : min(ttl, sets[last].signatureTTL)
            sets[last].signatureCount += 1
        } else {
            // Records of one set have one TTL; of several the least (RFC 2181 §5.2).
            sets[last].ttl = min(ttl, sets[last].ttl)
            sets[last].count += 1
        }
    }

    /// True when a record of the newest set says the same.
    private func isKnown(_ data: ByteView, _ type: RecordType) -> Bool {
        let candidates = current.count <= Self.few ? current : currentByHash[hash(data)] ?? []
        return withBytes(octets) { octets in
            candidates.contains { start in
                let length = Int(octets.uint16(at: start))
                return length == data.count
                    && CanonicalData.areEqual(octets.slice(start + 2, length), data, type)
            }
        }
    }

    /// The same for data that differ in the case of letters only.
    private func hash(_ data: ByteView) -> UInt64 { withBytes(data.array.map(folded)) { $0.hash(seed: seed) } }

    /// Notes that data which are laid out next will begin at `start`.
    private mutating func remember(_ start: Int, _ data: ByteView) {
        current.append(start)
        guard current.count > Self.few else { return }
        if currentByHash.isEmpty {
            withBytes(octets) { octets in
                for known in current.dropLast() {
                    let view = octets.slice(known + 2, Int(octets.uint16(at: known)))
                    currentByHash[hash(view), default: []].append(known)
                }
            }
        }
        currentByHash[hash(data), default: []].append(start)
    }

    mutating func finish(plainCount: Int, slots: [UInt32], foreign: Int) throws(ZoneContentError) -> ZoneTable {
        let start = try startOfAuthority()
        var warnings: [String] = []
        if foreign > 0 { warnings.append("\(foreign) records are not of \(origin), and left out") }
        if orphans > 0 { warnings.append("\(orphans) signatures are of records that are not there, and left out") }
        let hashing = nodes.count > plainCount ? firstData(.nsec3, at: plainCount).flatMap(NameHashing.init) : nil
        if nodes.count > plainCount, hashing == nil {
            warnings.append(
                "its NSEC3 records have more iterations than \(NameHashing.mostIterations), and are not used")
        }
        link(plainCount, slots, &warnings)
        return ZoneTable(
            origin: origin, octets: octets, nodes: nodes, plainCount: plainCount, sets: sets, slots: slots, seed: seed,
            hashing: hashing, serial: start.serial, negativeTTL: start.negativeTTL, recordCount: recordCount,
            warnings: warnings)
    }

    private func set(_ type: RecordType, at node: Int) -> ZoneTable.RecordSet? {
        let entry = nodes[node]
        return sets[Int(entry.firstSet)..<(Int(entry.firstSet) + Int(entry.setCount))].first { $0.type == type }
    }

    private func firstData(_ type: RecordType, at node: Int) -> [UInt8]? {
        guard let set = set(type, at: node) else { return nil }
        let start = Int(set.offset)
        let length = Int(octets[start]) << 8 | Int(octets[start + 1])
        return Array(octets[(start + 2)..<(start + 2 + length)])
    }

    private func startOfAuthority() throws(ZoneContentError) -> (serial: UInt32, negativeTTL: UInt32) {
        guard let set = set(.soa, at: 0), let data = firstData(.soa, at: 0) else {
            throw ZoneContentError("no SOA record of \(origin)")
        }
        guard set.count == 1 else {
            throw ZoneContentError("\(set.count) SOA records of \(origin), expected one")
        }
        return withBytes(data) { data in
            (data.uint32(at: data.count - 20), min(set.ttl, data.uint32(at: data.count - 4)))
        }
    }

    /// Finds what stands above, below and before each name.
    private mutating func link(_ plainCount: Int, _ slots: [UInt32], _ warnings: inout [String]) {
        var denier = ZoneTable.none
        /// The name and those above it, from the origin down.
        var path: [Int] = []
        for node in 0..<plainCount {
            let length = Int(nodes[node].nameLength)
            let offset = Int(nodes[node].nameOffset)
            let first = Int(octets[offset])
            while let above = path.last, Int(nodes[above].nameLength) != length - first - 1 || !isBelow(node, above) {
                path.removeLast()
            }
            if let above = path.last {
                nodes[node].barrier = nodes[above].barrier
                if first == 1, octets[offset + 1] == UInt8(ascii: "*") { nodes[above].wildcard = UInt32(node) }
            }
            path.append(node)
            if nodes[node].barrier == ZoneTable.none {
                let isDelegated = node > 0 && set(.ns, at: node) != nil
                if isDelegated || set(.dname, at: node) != nil { nodes[node].barrier = UInt32(node) }
            }
            if set(.nsec, at: node) != nil { denier = UInt32(node) }
            nodes[node].denier = denier
            if warnings.count < 20, set(.cname, at: node) != nil, hasOther(node) {
                let name = withBytes(Array(octets[offset..<(offset + length)])) { $0.nameText }
                warnings.append("\(name) has CNAME and other records: of types it does not have, CNAME is the answer")
            }
        }
    }

    private func isBelow(_ node: Int, _ above: Int) -> Bool {
        withBytes(octets) { octets in
            let parent = octets.slice(Int(nodes[above].nameOffset), Int(nodes[above].nameLength))
            let name = octets.slice(Int(nodes[node].nameOffset), Int(nodes[node].nameLength))
            return name.suffix(from: name.count - parent.count).equalsName(parent)
        }
    }

    private func hasOther(_ node: Int) -> Bool {
        let entry = nodes[node]
        return sets[Int(entry.firstSet)..<(Int(entry.firstSet) + Int(entry.setCount))].contains {
            ![.cname, .nsec, .rrsig].contains($0.type)
        }
    }
}
