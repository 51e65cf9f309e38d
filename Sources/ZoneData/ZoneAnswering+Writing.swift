import DNSWire

extension ZoneAnswering {
    /// Writes a set, and its signatures where they are wanted; false when not all of it fits.
    func writeSet(
        _ set: Int, _ owner: Owner, _ walk: ZoneWalkState, _ section: Section, ttl: UInt32? = nil, _ zone: ZoneView,
        _ response: inout MessageWriter
    ) -> Bool {
        let entry = zone.table.sets[set]
        let count = Int(entry.count)
        let rotates = section == .answer && walk.rotation > 0 && count > 1
        let first = rotates ? walk.rotation % count : 0
        var offset = Int(entry.offset)
        for _ in 0..<first { offset += 2 + Int(zone.octets.uint16(at: offset)) }
        for index in 0..<count {
            if first > 0, index == count - first { offset = Int(entry.offset) }
            let length = Int(zone.octets.uint16(at: offset))
            let data = zone.octets.slice(offset + 2, length)
            guard RecordWriting.write(data, entry.type, ttl ?? entry.ttl, owner, section, &response) else {
                return false
            }
            offset += 2 + length
        }
        guard walk.dnssecOK else { return true }
        return writeSignatures(of: set, owner, section, ttl: ttl, zone, &response)
    }

    func writeSignatures(
        of set: Int, _ owner: Owner, _ section: Section, ttl: UInt32? = nil, _ zone: ZoneView,
        _ response: inout MessageWriter
    ) -> Bool {
        let entry = zone.table.sets[set]
        guard entry.signatureCount > 0 else { return true }
        var offset = Int(entry.offset)
        for _ in 0..<entry.count { offset += 2 + Int(zone.octets.uint16(at: offset)) }
        for _ in 0..<entry.signatureCount {
            let length = Int(zone.octets.uint16(at: offset))
            let data = zone.octets.slice(offset + 2, length)
            guard RecordWriting.write(data, .rrsig, ttl ?? entry.signatureTTL, owner, section, &response) else {
                return false
            }
            offset += 2 + length
        }
        return true
    }

    /// True when a set fits whatever can be compressed: what need not be there is there whole or not at all.
    private func fits(
        _ set: Int, _ owner: ByteView, _ walk: ZoneWalkState, _ zone: ZoneView, _ response: borrowing MessageWriter
    ) -> Bool {
        let entry = zone.table.sets[set]
        var offset = Int(entry.offset)
        var size = 0
        for _ in 0..<(Int(entry.count) + (walk.dnssecOK ? Int(entry.signatureCount) : 0)) {
            let length = Int(zone.octets.uint16(at: offset))
            size += owner.count + 10 + length
            offset += 2 + length
        }
        return response.hasRoom(for: size)
    }

    /// The zone's name servers, and proofs of what the answer was made from, behind a positive answer.
    ///
    /// - Parameter node: the name that answered; nil where it has no records of the type.
    func writeAuthority(_ node: Int?, _ walk: ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter) {
        if walk.dnssecOK, !walk.proofs.isEmpty {
            writeProofs(walk, zone, &response)
        }
        // Those who ask for keys want nothing else, and the keys are large.
        guard !(node == 0 && [.ns, .any, .dnskey].contains(walk.type)), !response.isTruncated,
            let set = zone.set(.ns, at: 0), fits(set, zone.name(0), walk, zone, response)
        else { return }
        _ = writeSet(set, .name(zone.name(0)), walk, .authority, zone, &response)
    }

    /// Addresses of the names in this set's data.
    func writeAdditional(
        of set: Int, _ walk: ZoneWalkState, allowsGlue: Bool, _ zone: ZoneView, _ response: inout MessageWriter
    ) {
        let skipped: Int
        switch zone.table.sets[set].type {
        case .ns: skipped = 0
        case .mx: skipped = 2
        case .srv: skipped = 6
        default: return
        }
        var seen = ZoneProofs()
        zone.forEachData(of: set) { data in
            guard data.count > skipped, data.count - skipped <= 255 else { return }
            let name = data.suffix(from: skipped)
            for index in 0..<name.count { scratch.bytes.store(folded(name[index]), at: index) }
            guard let node = zone.find(scratch.bytes.view(name.count)), allowsGlue || zone.barrier(node) == nil
            else { return }
            let before = seen.count
            seen.add(node)
            guard seen.count > before else { return }
            for type in [RecordType.a, .aaaa] {
                guard let addresses = zone.set(type, at: node),
                    fits(addresses, zone.name(node), walk, zone, response)
                else { continue }
                _ = writeSet(addresses, .name(zone.name(node)), walk, .additional, zone, &response)
            }
        }
    }

    /// The SOA of a negative answer (RFC 2308 §3); false, and TC set, when it does not fit.
    func writeStart(_ zone: ZoneView, _ walk: ZoneWalkState, _ response: inout MessageWriter) -> Bool {
        guard let set = zone.set(.soa, at: 0),
            writeSet(set, .name(zone.name(0)), walk, .authority, ttl: zone.table.negativeTTL, zone, &response)
        else {
            response.truncate()
            return false
        }
        return true
    }

    func writeProofs(_ walk: ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter) {
        for index in 0..<walk.proofs.count {
            let node = walk.proofs[index]
            guard let set = zone.set(node < zone.table.plainCount ? .nsec : .nsec3, at: node) else { continue }
            guard writeSet(set, .name(zone.name(node)), walk, .authority, zone, &response) else {
                return response.truncate()
            }
        }
    }
}

extension ZoneView {
    func forEachData(of set: Int, _ body: (ByteView) -> Void) {
        let entry = table.sets[set]
        var offset = Int(entry.offset)
        for _ in 0..<entry.count {
            let length = Int(octets.uint16(at: offset))
            body(octets.slice(offset + 2, length))
            offset += 2 + length
        }
    }
}
