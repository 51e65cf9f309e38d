import DNSWire

/// A pod's addresses and namespace in one fixed form, without heap memory of its own: clusters have many pods.
struct PodState {
    private var form: Form
    var epoch: UInt32

    /// What decides a pod's entries; the Kubernetes API allows one address of each family.
    private struct Form: Equatable {
        var v6High: UInt64 = 0
        var v6Low: UInt64 = 0
        var v4: UInt32 = 0
        /// As in `PodNamespaces`.
        var namespace: UInt32
        var marks: UInt8 = 0
    }

    private static let hasIPv4: UInt8 = 1
    private static let hasIPv6: UInt8 = 2
    private static let startsWithIPv6: UInt8 = 4
    private static let hostNetwork: UInt8 = 8

    init(_ addresses: [IPAddress], usesHostNetwork: Bool, namespace: UInt32, epoch: UInt32) {
        form = Form(namespace: namespace)
        self.epoch = epoch
        if usesHostNetwork { form.marks |= Self.hostNetwork }
        if let v4 = addresses.first(where: \.isIPv4) {
            form.v4 = UInt32(truncatingIfNeeded: v4.high >> 32)
            form.marks |= Self.hasIPv4
        }
        if let v6 = addresses.first(where: { !$0.isIPv4 }) {
            (form.v6High, form.v6Low) = (v6.high, v6.low)
            form.marks |= Self.hasIPv6
        }
        if addresses.first?.isIPv4 == false { form.marks |= Self.startsWithIPv6 }
    }

    var namespace: UInt32 { form.namespace }
    var usesHostNetwork: Bool { form.marks & Self.hostNetwork != 0 }

    /// `status.podIPs` in their order.
    var addresses: [IPAddress] {
        var addresses: [IPAddress] = []
        if form.marks & Self.hasIPv4 != 0 { addresses.append(IPAddress(v4: form.v4)) }
        if form.marks & Self.hasIPv6 != 0 { addresses.append(IPAddress(v6High: form.v6High, low: form.v6Low)) }
        return form.marks & Self.startsWithIPv6 != 0 ? addresses.reversed() : addresses
    }

    func hasSameEntries(as other: PodState) -> Bool { form == other.form }
}

/// The namespaces that pods are in, each by a number that pods hold instead of its name.
struct PodNamespaces {
    private var numbers: [[UInt8]: UInt32] = [:]
    private var places: [(label: [UInt8], pods: Int)] = []
    private var free: [UInt32] = []

    /// The folded label, without length octet, behind a number.
    func label(_ number: UInt32) -> [UInt8] {
        places.indices.contains(Int(number)) ? places[Int(number)].label : []
    }

    /// One more pod is in the namespace of that folded label.
    mutating func enter(_ label: [UInt8]) -> UInt32 {
        if let number = numbers[label] {
            places[Int(number)].pods += 1
            return number
        }
        if let number = free.popLast() {
            places[Int(number)] = (label, 1)
            numbers[label] = number
            return number
        }
        let number = UInt32(places.count)
        places.append((label, 1))
        numbers[label] = number
        return number
    }

    /// One pod less.
    mutating func leave(_ number: UInt32) {
        guard places.indices.contains(Int(number)) else { return }
        places[Int(number)].pods -= 1
        guard places[Int(number)].pods == 0 else { return }
        numbers[places[Int(number)].label] = nil
        places[Int(number)].label = []
        free.append(number)
    }
}

// MARK: - The index's pods

extension ClusterIndex {
    /// - Returns: true when entries changed.
    func storePod(_ object: PodObject, epoch: UInt32) -> Bool {
        let id = ObjectID(object.key, seed: seed)
        guard let label = CompactObject.label(object.key.namespace).map({ Array($0.dropFirst()) }) else {
            return removePod(id)
        }
        let state = PodState(
            object.addresses, usesHostNetwork: object.usesHostNetwork, namespace: podNamespaces.enter(label),
            epoch: epoch)
        return storePod(id, state)
    }

    private func storePod(_ id: ObjectID, _ state: PodState) -> Bool {
        if pods[id]?.hasSameEntries(as: state) == true {
            podNamespaces.leave(state.namespace)
            pods[id]?.epoch = state.epoch
            return false
        }
        _ = removePod(id)
        pods[id] = state
        touchedNames.note(podsOf: podNamespaces.label(state.namespace))
        for (address, mark) in entries(of: state) { pendingPods.add(address, payload: mark) }
        return true
    }

    func removePod(_ id: ObjectID) -> Bool {
        guard let state = pods.removeValue(forKey: id) else { return false }
        touchedNames.note(podsOf: podNamespaces.label(state.namespace))
        for (address, mark) in entries(of: state) { pendingPods.remove(address, payload: mark) }
        podNamespaces.leave(state.namespace)
        return true
    }

    /// What a pod puts into an `AddressTable`: each address with its `PodMark`.
    func entries(of state: PodState) -> [(address: IPAddress, mark: [UInt8])] {
        let addresses = state.addresses
        let label = podNamespaces.label(state.namespace)
        return addresses.map { address in
            let mark = PodMark.encode(
                namespace: label, usesHostNetwork: state.usesHostNetwork, isPrimary: address == addresses.first)
            return (address, mark)
        }
    }

    // MARK: Saved form

    /// A pod's entries as `AddressTable.encode` writes them.
    func savedEntries(of state: PodState) -> [UInt8] {
        var octets: [UInt8] = []
        for (address, mark) in entries(of: state) { AddressTable.encode(address, payload: mark, into: &octets) }
        return octets
    }

    /// Takes over what `savedEntries` gave.
    func restorePod(_ id: ObjectID, _ entries: [UInt8]) {
        var addresses: [IPAddress] = []
        var label: [UInt8] = []
        var usesHostNetwork = false
        AddressTable.forEach(in: entries) { address, payload in
            withBytes(payload) { payload in
                let mark = PodMark(payload)
                if mark.isPrimary { addresses.insert(address, at: 0) } else { addresses.append(address) }
                label = mark.namespace.array
                usesHostNetwork = mark.usesHostNetwork
            }
        }
        let state = PodState(
            addresses, usesHostNetwork: usesHostNetwork, namespace: podNamespaces.enter(label), epoch: 0)
        _ = storePod(id, state)
    }
}
