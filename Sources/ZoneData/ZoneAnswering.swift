package import DNSWire

/// What is asked of a zone.
package struct ZoneQuestion: BitwiseCopyable {
    /// Uncompressed, as written.
    package var name: ByteView
    /// With letters folded; same length.
    package var folded: ByteView
    package var type: RecordType
    /// Where the name stands in the response.
    package var nameOffset: Int
    /// Signatures and proofs are wanted (RFC 4035 §3.1).
    package var dnssecOK: Bool
    /// Which record of a set comes first.
    package var rotation: Int

    package init(
        name: ByteView, folded: ByteView, type: RecordType, nameOffset: Int, dnssecOK: Bool, rotation: Int = 0
    ) {
        self.name = name
        self.folded = folded
        self.type = type
        self.nameOffset = nameOffset
        self.dnssecOK = dnssecOK
        self.rotation = rotation
    }
}

package enum ZoneOutcome: Equatable {
    case answered
    /// Another server has the name: the answer is not authoritative.
    case referral
    /// The name does not exist; nothing is written yet, and `deny` writes the proof.
    case noSuchName
    /// A CNAME was written whose target, at this offset, is outside of the zone.
    case chase(Int)
}

/// Answers from zones on one loop (RFC 1034 §4.3.2, RFC 4592, RFC 6672, RFC 4035 §3.1, RFC 5155 §7.2).
package final class ZoneAnswering {
    /// CNAMEs that are followed inside of a zone.
    private static let mostLinks = 16

    private let foldedName = ByteBlock(capacity: 256)
    private let targetName = ByteBlock(capacity: 256)
    let scratch = ByteBlock(capacity: 1024)
    let label = ByteBlock(capacity: 64)

    package init() {}

    /// Writes the answer; of a name that does not exist only when `deniesMissing`.
    package func answer(
        _ question: ZoneQuestion, from table: ZoneTable, deniesMissing: Bool, to response: inout MessageWriter
    ) -> ZoneOutcome {
        withBytes(table.octets) { octets in
            let zone = ZoneView(table: table, octets: octets)
            var walk = ZoneWalkState(question)
            while true {
                switch step(&walk, zone, deniesMissing, &response) {
                case .done(let outcome): return outcome
                case .again: continue
                }
            }
        }
    }

    private enum Step {
        case done(ZoneOutcome)
        /// The walk's name is now the target of a CNAME in the zone.
        case again
    }

    private func step(
        _ walk: inout ZoneWalkState, _ zone: ZoneView, _ deniesMissing: Bool, _ response: inout MessageWriter
    ) -> Step {
        let (encloser, rest) = zone.closestEncloser(of: walk.folded)
        if let barrier = zone.barrier(encloser) {
            let isItself = rest == 0 && barrier == encloser
            if barrier > 0, zone.set(.ns, at: barrier) != nil {
                // DS is data of the parent (RFC 4035 §3.1.4.1).
                guard isItself, walk.type == .ds else {
                    refer(to: barrier, walk, zone, &response)
                    return .done(walk.links == 0 ? .referral : .answered)
                }
            } else if !isItself, let set = zone.set(.dname, at: barrier) {
                return substitute(set, barrier, &walk, zone, &response)
            }
        }
        if rest == 0 { return answer(at: encloser, &walk, zone, &response) }
        guard let wildcard = zone.wildcard(encloser) else {
            if walk.links == 0, !deniesMissing { return .done(.noSuchName) }
            response.code = .nameError
            if writeStart(zone, walk, &response) {
                if walk.dnssecOK { proveMissing(&walk, encloser, rest, zone) }
                writeProofs(walk, zone, &response)
            }
            return .done(.answered)
        }
        if walk.dnssecOK { proveExpansion(&walk, encloser, rest, zone) }
        return answer(at: wildcard, &walk, zone, &response, encloser: encloser)
    }

    // MARK: Names that exist

    /// - Parameter encloser: the name above the wildcard that answers; nil for a name of its own.
    private func answer(
        at node: Int, _ walk: inout ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter,
        encloser: Int? = nil
    ) -> Step {
        if walk.type == .any || walk.type == .rrsig {
            return .done(answerAll(at: node, walk, zone, &response))
        }
        if let set = zone.set(walk.type, at: node) {
            guard writeSet(set, .at(walk.nameOffset), walk, .answer, zone, &response) else {
                return truncated(&response)
            }
            writeAuthority(node, walk, zone, &response)
            writeAdditional(of: set, walk, allowsGlue: walk.type == .ns, zone, &response)
            return .done(.answered)
        }
        if let set = zone.set(.cname, at: node) {
            // A chain that comes back to where it was has been written whole.
            guard encloser != nil || walk.isFirstVisit(to: node) else { return .done(.answered) }
            return follow(zone.firstData(set), ttl: zone.table.sets[set].ttl, signedBy: set, &walk, zone, &response)
        }
        if writeStart(zone, walk, &response) {
            if walk.dnssecOK { proveNoData(&walk, node, encloser, zone) }
            writeProofs(walk, zone, &response)
        }
        return .done(.answered)
    }

    /// Every record, or every signature.
    private func answerAll(
        at node: Int, _ walk: ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter
    ) -> ZoneOutcome {
        let before = response.answers
        for set in zone.sets(at: node) {
            // Names below a delegation have addresses that are not the zone's own; those are never here.
            let isWhole =
                walk.type == .any
                ? writeSet(set, .at(walk.nameOffset), walk, .answer, zone, &response)
                : writeSignatures(of: set, .at(walk.nameOffset), .answer, zone, &response)
            guard isWhole else {
                response.truncate()
                return .answered
            }
        }
        if response.answers == before {
            if writeStart(zone, walk, &response) {
                var walk = walk
                if walk.dnssecOK { proveNoData(&walk, node, nil, zone) }
                writeProofs(walk, zone, &response)
            }
        } else {
            writeAuthority(node, walk, zone, &response)
        }
        return .answered
    }

    private func truncated(_ response: inout MessageWriter) -> Step {
        response.truncate()
        return .done(.answered)
    }

    // MARK: CNAME and DNAME

    /// Writes a CNAME and goes on with its target, here or wherever it is answered.
    private func follow(
        _ target: ByteView, ttl: UInt32, signedBy set: Int?, _ walk: inout ZoneWalkState, _ zone: ZoneView,
        _ response: inout MessageWriter
    ) -> Step {
        guard let offset = response.writeCNAME(owner: walk.nameOffset, ttl: ttl, target: target) else {
            return truncated(&response)
        }
        if let set, walk.dnssecOK, !writeSignatures(of: set, .at(walk.nameOffset), .answer, zone, &response) {
            return truncated(&response)
        }
        walk.links += 1
        if walk.type == .cname { return finish(walk, zone, &response) }
        for index in 0..<target.count { foldedName.bytes.store(folded(target[index]), at: index) }
        let next = foldedName.bytes.view(target.count)
        guard isBelow(next, zone.name(0)) else {
            // Proofs belong behind the last answer: whoever validates asks for the target, too.
            guard walk.proofs.isEmpty else { return finish(walk, zone, &response) }
            return .done(.chase(offset))
        }
        guard walk.links <= Self.mostLinks else { return finish(walk, zone, &response) }
        walk.name = response.written.slice(offset, target.count)
        walk.folded = next
        walk.nameOffset = offset
        return .again
    }

    /// - Parameter name: folded.
    private func isBelow(_ name: ByteView, _ origin: ByteView) -> Bool {
        for index in 0..<origin.count { scratch.bytes.store(folded(origin[index]), at: index) }
        return name.isSubdomain(of: scratch.bytes.view(origin.count))
    }

    private func finish(_ walk: ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter) -> Step {
        writeAuthority(nil, walk, zone, &response)
        return .done(.answered)
    }

    /// RFC 6672 §3.1: the DNAME, and a CNAME made by it.
    private func substitute(
        _ set: Int, _ node: Int, _ walk: inout ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter
    ) -> Step {
        let owner = zone.name(node)
        guard writeSet(set, .name(owner), walk, .answer, zone, &response) else { return truncated(&response) }
        let target = zone.firstData(set)
        let prefix = walk.name.count - owner.count
        guard prefix + target.count <= 255 else {
            response.code = ResponseCode(rawValue: 6)
            return finish(walk, zone, &response)
        }
        targetName.bytes.copy(walk.name.slice(0, prefix), to: 0)
        targetName.bytes.copy(target, to: prefix)
        return follow(
            targetName.bytes.view(prefix + target.count), ttl: zone.table.sets[set].ttl, signedBy: nil, &walk, zone,
            &response)
    }

    // MARK: Delegations

    private func refer(to node: Int, _ walk: ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter) {
        guard let set = zone.set(.ns, at: node) else { return }
        let owner = Owner.name(zone.name(node))
        var plain = walk
        plain.dnssecOK = false
        guard writeSet(set, owner, plain, .authority, zone, &response) else { return response.truncate() }
        if walk.dnssecOK {
            if let keys = zone.set(.ds, at: node) {
                guard writeSet(keys, owner, walk, .authority, zone, &response) else { return response.truncate() }
            } else {
                var walk = walk
                proveInsecure(node, zone, &walk.proofs)
                writeProofs(walk, zone, &response)
            }
        }
        writeGlue(of: set, below: node, walk, zone, &response)
    }

    /// Addresses of the servers that a referral names: without those in the child zone nobody could go there.
    private func writeGlue(
        of set: Int, below node: Int, _ walk: ZoneWalkState, _ zone: ZoneView, _ response: inout MessageWriter
    ) {
        // Those that are needed first (RFC 9471 §3).
        for isNeeded in [true, false] {
            zone.forEachData(of: set) { data in
                guard data.count <= 255 else { return }
                for index in 0..<data.count { scratch.bytes.store(folded(data[index]), at: index) }
                guard let server = zone.find(scratch.bytes.view(data.count)) else { return }
                guard (zone.barrier(server) == node) == isNeeded else { return }
                for type in [RecordType.a, .aaaa] {
                    guard let addresses = zone.set(type, at: server) else { continue }
                    let isWhole = writeSet(addresses, .name(zone.name(server)), walk, .additional, zone, &response)
                    if !isWhole, isNeeded { response.truncate() }
                }
            }
        }
    }
}

/// Where an answer has come to.
struct ZoneWalkState {
    var name: ByteView
    var folded: ByteView
    var type: RecordType
    var nameOffset: Int
    var dnssecOK: Bool
    var rotation: Int
    /// CNAMEs written.
    var links = 0
    var proofs = ZoneProofs()
    /// Names whose CNAME was written.
    private var visited = ZoneProofs()

    init(_ question: ZoneQuestion) {
        name = question.name
        folded = question.folded
        type = question.type
        nameOffset = question.nameOffset
        dnssecOK = question.dnssecOK
        rotation = question.rotation
    }

    mutating func isFirstVisit(to node: Int) -> Bool {
        let before = visited.count
        visited.add(node)
        return visited.count > before
    }
}

/// The names whose NSEC or NSEC3 records prove something, each once.
struct ZoneProofs {
    private var nodes = InlineArray<24, Int32>(repeating: 0)
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> Int { Int(nodes[index]) }

    mutating func add(_ node: Int?) {
        guard let node, count < nodes.count else { return }
        for index in 0..<count where Int(nodes[index]) == node { return }
        nodes[count] = Int32(truncatingIfNeeded: node)
        count += 1
    }
}
