package import DNSWire

/// What the index holds, as octets that another process can go on from.
///
/// Integers in network order: hash seed (8), serial (4); then four counted (4) lists. Namespaces: length (1), name.
/// Services: key length (1), key, `CompactObject` length (4), its octets, `ExternalEntry` length (4), its octets.
/// Slices: identity (16), place of the service in the list before (4), length (4), octets. Pods: identity (16), length
/// (2), entries. The seed goes along because identities and tables are hashed with it: what is listed next is then
/// told apart from what was saved, object by object.
extension ClusterIndex {
    /// Gives everything to `emit`, a piece at a time, so that no second copy is ever whole in memory.
    package func save(_ emit: (ByteView) throws -> Void) rethrows {
        var piece = SavedPiece()
        piece.octets.append(UInt32(truncatingIfNeeded: seed >> 32))
        piece.octets.append(UInt32(truncatingIfNeeded: seed))
        piece.octets.append(serial)
        piece.octets.append(UInt32(truncatingIfNeeded: namespaces.count))
        for name in namespaces.keys {
            let octets = Array(name.utf8.prefix(255))
            piece.octets.append(UInt8(octets.count))
            piece.octets += octets
            try piece.emitWhenFull(emit)
        }
        let places = try saveServices(&piece, emit)
        piece.octets.append(UInt32(truncatingIfNeeded: slices.count))
        for (id, slice) in slices {
            piece.octets += id.octets
            piece.octets.append(places[slice.service] ?? .max)
            piece.append(slice.octets)
            try piece.emitWhenFull(emit)
        }
        piece.octets.append(UInt32(truncatingIfNeeded: pods.count))
        for (id, pod) in pods {
            piece.octets += id.octets
            piece.append(savedEntries(of: pod))
            try piece.emitWhenFull(emit)
        }
        try withBytes(piece.octets) { try emit($0) }
    }

    private func saveServices(
        _ piece: inout SavedPiece, _ emit: (ByteView) throws -> Void
    ) rethrows -> [ObjectID: UInt32] {
        var places: [ObjectID: UInt32] = [:]
        places.reserveCapacity(services.count)
        piece.octets.append(UInt32(truncatingIfNeeded: services.count))
        for (id, service) in services {
            places[id] = UInt32(truncatingIfNeeded: places.count)
            piece.octets += id.octets
            piece.octets.append(UInt8(truncatingIfNeeded: service.key.count))
            piece.octets += service.key
            piece.append(service.service)
            piece.append(service.external)
            try piece.emitWhenFull(emit)
        }
        return places
    }

    /// An index that goes on from what `save` gave; nil when the octets are not whole and well-formed.
    ///
    /// No kind counts as listed: the first lists say what is still there.
    package convenience init?(restoring octets: ByteView, options: ModelOptions) {
        var reader = SavedReader(octets)
        guard let high = reader.uint32(), let low = reader.uint32(), let serial = reader.uint32() else { return nil }
        self.init(options: options, seed: UInt64(high) << 32 | UInt64(low))
        guard restoreNamespaces(&reader), let ids = restoreServices(&reader), restoreSlices(&reader, ids),
            restorePods(&reader), reader.isAtEnd
        else { return nil }
        self.serial = serial
    }

    private func restoreNamespaces(_ reader: inout SavedReader) -> Bool {
        guard let count = reader.uint32() else { return false }
        for _ in 0..<count {
            guard let length = reader.uint8(), let name = reader.octets(Int(length)) else { return false }
            namespaces[String(decoding: name.array, as: UTF8.self)] = 0
        }
        namespacesChanged = true
        return true
    }

    /// - Returns: the services' identities in the order of the list.
    private func restoreServices(_ reader: inout SavedReader) -> [ObjectID]? {
        guard let count = reader.uint32() else { return nil }
        var ids: [ObjectID] = []
        Self.reserve(Int(count), &services)
        for _ in 0..<count {
            guard let id = reader.identity(), let length = reader.uint8(), let key = reader.octets(Int(length)),
                let service = reader.list(), let external = reader.list(),
                ServiceLabels(tableKey: key) != nil, SavedForm.isService(service), SavedForm.isExternal(external),
                services[id] == nil
            else { return nil }
            var state = ServiceState(key: key.array, hash: KeyedTable.hash(key, seed: seed))
            state.service = service.array
            state.external = external.array
            state.isTouched = true
            services[id] = state
            touched.append(id)
            ids.append(id)
        }
        return ids
    }

    private func restoreSlices(_ reader: inout SavedReader, _ owners: [ObjectID]) -> Bool {
        guard let count = reader.uint32() else { return false }
        Self.reserve(Int(count), &slices)
        for _ in 0..<count {
            guard let id = reader.identity(), let place = reader.uint32(), Int(place) < owners.count,
                let octets = reader.list(), SavedForm.isSlice(octets), slices[id] == nil
            else { return false }
            let owner = owners[Int(place)]
            slices[id] = SliceState(service: owner, octets: octets.array, epoch: 0)
            services[owner]?.slices.append(id)
        }
        return true
    }

    /// Not more than a real cluster has, whatever a file says.
    private static func reserve<Value>(_ count: Int, _ table: inout [ObjectID: Value]) {
        table.reserveCapacity(min(count, 100_000))
    }

    private func restorePods(_ reader: inout SavedReader) -> Bool {
        guard let count = reader.uint32() else { return false }
        for _ in 0..<count {
            guard let id = reader.identity(), let entries = reader.list(), SavedForm.isPod(entries), pods[id] == nil
            else { return false }
            restorePod(id, entries.array)
        }
        return true
    }
}

/// Octets that wait to be given on.
private struct SavedPiece {
    var octets: [UInt8] = []

    /// Appends the length (4) and the octets.
    mutating func append(_ list: [UInt8]) {
        octets.append(UInt32(truncatingIfNeeded: list.count))
        octets += list
    }

    mutating func emitWhenFull(_ emit: (ByteView) throws -> Void) rethrows {
        guard octets.count >= 1 << 16 else { return }
        try withBytes(octets) { try emit($0) }
        octets.removeAll(keepingCapacity: true)
    }
}

/// Walks saved octets; nil past their end.
private struct SavedReader {
    private let bytes: ByteView
    private var place = 0

    init(_ bytes: ByteView) { self.bytes = bytes }

    var isAtEnd: Bool { place == bytes.count }

    mutating func octets(_ count: Int) -> ByteView? {
        guard count <= bytes.count - place else { return nil }
        defer { place += count }
        return bytes.slice(place, count)
    }

    mutating func uint8() -> UInt8? { octets(1)?[0] }
    mutating func uint32() -> UInt32? { octets(4)?.uint32(at: 0) }
    mutating func list() -> ByteView? { uint32().flatMap { octets(Int($0)) } }
    mutating func identity() -> ObjectID? { octets(16).map(ObjectID.init) }
}
