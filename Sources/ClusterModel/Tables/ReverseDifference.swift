import DNSWire

/// The reverse entries that a service's new records need and its old ones no longer do.
struct ReverseDifference {
    let old: ServiceEntry?
    let new: ServiceEntry?
    /// The hash of the service's key.
    let hash: UInt32

    func note(in pending: inout PendingEntries) {
        let own = ReverseMark.encode(isClusterAddress: true, hash: hash)
        let endpoint = ReverseMark.encode(isClusterAddress: false, hash: hash)
        for isIPv4 in [true, false] {
            noteOwn(isIPv4, own, &pending)
            noteEndpoints(isIPv4, endpoint, &pending)
        }
    }

    /// A service has few addresses of its own, in no order.
    private func noteOwn(_ isIPv4: Bool, _ payload: [UInt8], _ pending: inout PendingEntries) {
        let (before, after) = (ownAddresses(of: old, isIPv4), ownAddresses(of: new, isIPv4))
        for address in before where !after.contains(address) { pending.remove(address, payload: payload) }
        for address in after where !before.contains(address) { pending.add(address, payload: payload) }
    }

    private func ownAddresses(of entry: ServiceEntry?, _ isIPv4: Bool) -> [IPAddress] {
        guard let entry, entry.kind == .cluster else { return [] }
        return entry.clusterAddresses(isIPv4: isIPv4).addresses(isIPv4: isIPv4)
    }

    /// Both lists are sorted and without repeats, so one walk finds the difference.
    private func noteEndpoints(_ isIPv4: Bool, _ payload: [UInt8], _ pending: inout PendingEntries) {
        let (before, after) = (endpointAddresses(of: old, isIPv4), endpointAddresses(of: new, isIPv4))
        let size = isIPv4 ? 4 : 16
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            let gone = left < before.count ? before.address(at: left, isIPv4: isIPv4) : nil
            let come = right < after.count ? after.address(at: right, isIPv4: isIPv4) : nil
            if let gone, come.map({ gone < $0 }) ?? true {
                pending.remove(gone, payload: payload)
                left += size
            } else if let come, gone != come {
                pending.add(come, payload: payload)
                right += size
            } else {
                left += size
                right += size
            }
        }
    }

    private func endpointAddresses(of entry: ServiceEntry?, _ isIPv4: Bool) -> ByteView {
        guard let entry, entry.kind == .cluster || entry.kind == .headless else { return .empty }
        return entry.endpointAddresses(isIPv4: isIPv4)
    }
}
