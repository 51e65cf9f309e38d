import DNSWire

/// What a signed zone says about names and types that are not there (RFC 4035 §3.1.3, RFC 5155 §7.2).
extension ZoneAnswering {
    /// No such name, and no wildcard that could stand for it.
    func proveMissing(
        _ walk: inout ZoneWalkState, _ encloser: Int, _ rest: Int, _ zone: ZoneView
    ) {
        if zone.table.hashing == nil {
            walk.proofs.add(zone.denier(of: walk.folded))
            walk.proofs.add(zone.denier(of: wildcard(of: encloser, zone)))
            return
        }
        walk.proofs.add(matching(folded(zone.name(encloser)), zone))
        walk.proofs.add(covering(nextCloser(walk.folded, rest), zone))
        walk.proofs.add(covering(wildcard(of: encloser, zone), zone))
    }

    /// No name closer than the wildcard that the answer is made from.
    func proveExpansion(
        _ walk: inout ZoneWalkState, _ encloser: Int, _ rest: Int, _ zone: ZoneView
    ) {
        walk.proofs.add(
            zone.table.hashing == nil
                ? zone.denier(of: walk.folded) : covering(nextCloser(walk.folded, rest), zone))
    }

    /// The name, or the wildcard for it, has no record of the type.
    func proveNoData(
        _ walk: inout ZoneWalkState, _ node: Int, _ encloser: Int?, _ zone: ZoneView
    ) {
        guard zone.table.hashing != nil else {
            // A name that only has names below it has no NSEC; the one before it says that it is empty.
            return walk.proofs.add(zone.denier(of: folded(zone.name(node))))
        }
        if let encloser { walk.proofs.add(matching(folded(zone.name(encloser)), zone)) }
        if let match = matching(folded(zone.name(node)), zone) {
            walk.proofs.add(match)
        } else {
            proveOptOut(node, zone, &walk.proofs)
        }
    }

    /// A delegation without DS.
    func proveInsecure(_ node: Int, _ zone: ZoneView, _ proofs: inout ZoneProofs) {
        if zone.table.hashing == nil {
            if zone.set(.nsec, at: node) != nil { proofs.add(node) }
        } else if let match = matching(folded(zone.name(node)), zone) {
            proofs.add(match)
        } else {
            proveOptOut(node, zone, &proofs)
        }
    }

    /// A name that opt-out has left without a record: the closest name above that has one, and what covers the next
    /// (RFC 5155 §7.2.1).
    private func proveOptOut(_ node: Int, _ zone: ZoneView, _ proofs: inout ZoneProofs) {
        let name = zone.name(node)
        let apex = zone.name(0).count
        var below = 0
        while name.count - below > apex {
            let above = below + Int(name[below]) + 1
            if let match = matching(folded(name.suffix(from: above)), zone) {
                proofs.add(match)
                proofs.add(covering(folded(name.suffix(from: below)), zone))
                return
            }
            below = above
        }
    }

    // MARK: Names

    /// The name one label longer than its closest encloser.
    private func nextCloser(_ name: ByteView, _ rest: Int) -> ByteView {
        var start = 0
        while start < rest {
            let next = start + Int(name[start]) + 1
            if next >= rest { break }
            start = next
        }
        return name.suffix(from: start)
    }

    private func wildcard(of node: Int, _ zone: ZoneView) -> ByteView {
        let name = zone.name(node)
        scratch.bytes.store(UInt8(1), at: 0)
        scratch.bytes.store(UInt8(ascii: "*"), at: 1)
        // Its names have at least two octets less than the most: below a longer one nothing can be asked.
        let count = min(name.count, 253)
        for index in 0..<count { scratch.bytes.store(DNSWire.folded(name[index]), at: index + 2) }
        return scratch.bytes.view(count + 2)
    }

    private func folded(_ name: ByteView) -> ByteView {
        for index in 0..<name.count { scratch.bytes.store(DNSWire.folded(name[index]), at: index) }
        return scratch.bytes.view(name.count)
    }

    // MARK: Hashes

    private func matching(_ name: ByteView, _ zone: ZoneView) -> Int? {
        guard let found = hashed(name, zone), found.isMatch else { return nil }
        return found.node
    }

    private func covering(_ name: ByteView, _ zone: ZoneView) -> Int? { hashed(name, zone)?.node }

    private func hashed(_ name: ByteView, _ zone: ZoneView) -> (node: Int, isMatch: Bool)? {
        guard let hashing = zone.table.hashing else { return nil }
        hashing.label(of: name, into: label.bytes, work: scratch.bytes.suffix(from: 256))
        return zone.hashedNode(upTo: label.bytes.view(33))
    }
}
