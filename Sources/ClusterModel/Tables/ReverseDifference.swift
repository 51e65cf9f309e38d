import DNSWire

/// The reverse entries that a service's new records need and its old ones no longer do.
struct ReverseDifference {
    let old: ServiceEntry?
    let new: ServiceEntry?
    /// The hash of the service's key.
    let hash: UInt32

    func note(in pending: inout PendingEntries) {
        if old == nil, let new { return noteAll(of: new, &pending) }
        for isIPv4 in [true, false] {
            note(
                Set(clusterAddresses(old, isIPv4)), Set(clusterAddresses(new, isIPv4)), isClusterAddress: true,
                &pending)
            noteEndpoints(isIPv4, &pending)
        }
    }

    /// As if each address was added; there was nothing before.
    private func noteAll(of new: ServiceEntry, _ pending: inout PendingEntries) {
        let own = ReverseMark.encode(isClusterAddress: true, hash: hash)
        let endpoint = ReverseMark.encode(isClusterAddress: false, hash: hash)
        for isIPv4 in [true, false] {
            let addresses = clusterAddresses(new, isIPv4)
            for (index, address) in addresses.enumerated() where !addresses[..<index].contains(address) {
                pending.add(address, payload: own)
            }
            guard new.kind == .cluster || new.kind == .headless else { continue }
            let octets = new.endpointAddresses(isIPv4: isIPv4)
            for place in stride(from: 0, to: octets.count, by: isIPv4 ? 4 : 16) {
                pending.add(octets.address(at: place, isIPv4: isIPv4), payload: endpoint)
            }
        }
    }

    private func note(
        _ before: Set<IPAddress>, _ after: Set<IPAddress>, isClusterAddress: Bool, _ pending: inout PendingEntries
    ) {
        let payload = ReverseMark.encode(isClusterAddress: isClusterAddress, hash: hash)
        for address in before.subtracting(after) { pending.remove(address, payload: payload) }
        for address in after.subtracting(before) { pending.add(address, payload: payload) }
    }

    private func clusterAddresses(_ entry: ServiceEntry?, _ isIPv4: Bool) -> [IPAddress] {
        guard let entry, entry.kind == .cluster else { return [] }
        return Self.list(entry.clusterAddresses(isIPv4: isIPv4), isIPv4)
    }

    private static func list(_ octets: ByteView, _ isIPv4: Bool) -> [IPAddress] {
        stride(from: 0, to: octets.count, by: isIPv4 ? 4 : 16).map { octets.address(at: $0, isIPv4: isIPv4) }
    }

    /// Both lists are sorted and without repeats, so one walk finds the difference.
    private func noteEndpoints(_ isIPv4: Bool, _ pending: inout PendingEntries) {
        let payload = ReverseMark.encode(isClusterAddress: false, hash: hash)
        let before = endpointAddresses(old, isIPv4)
        let after = endpointAddresses(new, isIPv4)
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if left < before.count, right < after.count, before[left] == after[right] {
                left += 1
                right += 1
            } else if right == after.count
                || left < before.count && (before[left].high, before[left].low) < (after[right].high, after[right].low)
            {
                pending.remove(before[left], payload: payload)
                left += 1
            } else {
                pending.add(after[right], payload: payload)
                right += 1
            }
        }
    }

    private func endpointAddresses(_ entry: ServiceEntry?, _ isIPv4: Bool) -> [IPAddress] {
        guard let entry, entry.kind == .cluster || entry.kind == .headless else { return [] }
        return Self.list(entry.endpointAddresses(isIPv4: isIPv4), isIPv4)
    }
}
