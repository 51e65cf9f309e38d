import DNSWire

/// The single writer of the cluster's records: takes object changes, makes the next snapshot from what they touch.
package final class ClusterIndex {
    private let options: ModelOptions
    let seed: UInt64
    var namespaces: [String: UInt32] = [:]
    var services: [ObjectID: ServiceState] = [:]
    var slices: [ObjectID: SliceState] = [:]
    var pods: [ObjectID: PodState] = [:]
    var podNamespaces = PodNamespaces()
    /// Counts the lists of each kind: what was not stored since the last one began is gone at its end.
    private var epochs: [ObjectKind: UInt32] = [:]
    var touched: [ObjectID] = []
    var namespacesChanged = false
    var pendingPods: PendingEntries
    var triggers: [(service: ObjectID, trigger: Double, followsSelector: Bool)] = []
    var serial: UInt32 = 0
    /// What names the next snapshot will answer otherwise.
    var touchedNames: TouchedNames
    private var snapshot: ClusterSnapshot

    /// The kinds of which a whole list has been seen.
    package private(set) var listedKinds: Set<ObjectKind> = []

    /// - Parameter seed: random for each process, so that nobody can choose names that collide.
    package init(options: ModelOptions, seed: UInt64) {
        self.options = options
        self.seed = seed
        pendingPods = PendingEntries(seed: seed)
        touchedNames = TouchedNames(seed: seed)
        snapshot = ClusterSnapshot(Tables(), serial: 0, options: options, seed: seed)
    }

    /// True when the next snapshot will differ from the last.
    package var hasChanges: Bool { namespacesChanged || !touched.isEmpty || !pendingPods.isEmpty }

    /// Takes over changes in their order.
    ///
    /// - Parameter now: Unix seconds; becomes the serial when records change.
    package func apply(_ changes: [ObjectChange], now: UInt32) {
        var isRelevant = false
        for change in changes {
            switch change {
            case .relistStarted(let kind): epochs[kind, default: 0] &+= 1
            case .stored(let object): isRelevant = store(object) || isRelevant
            case .kept(let kind, let key): keep(kind, key)
            case .deleted(let kind, let key): isRelevant = delete(kind, key) || isRelevant
            case .relistFinished(let kind):
                isRelevant = sweep(kind) || isRelevant
                listedKinds.insert(kind)
            }
        }
        if isRelevant { advanceSerial(to: now) }
    }

    /// A serial never falls, and never stands for two different snapshots (RFC 1982).
    private func advanceSerial(to now: UInt32) {
        if now > serial {
            serial = now
        } else if serial == snapshot.serial {
            serial &+= 1
        }
    }

    // MARK: - Objects

    /// - Returns: true when records change.
    private func store(_ object: ClusterObject) -> Bool {
        if !isVisible(object) { return false }
        switch object {
        case .namespace(let object):
            let old = namespaces.updateValue(epoch(.namespace), forKey: object.name)
            namespacesChanged = namespacesChanged || old == nil
            if old == nil { touchedNames.noteNamespaces() }
            return old == nil
        case .service(let object): return store(object)
        case .endpointSlice(let object): return store(object)
        case .pod(let object): return store(object)
        case .serviceImport(let object): return store(imported: object)
        }
    }

    private func isVisible(_ object: ClusterObject) -> Bool {
        guard let visible = options.namespaces else { return true }
        switch object {
        case .namespace(let object): return visible.contains(object.name)
        // Who asks is known wherever it runs; names of its own it has none there.
        case .pod where options.indexesPods: return true
        default: return visible.contains(object.key.namespace)
        }
    }

    /// An object that is not known stays unknown.
    private func keep(_ kind: ObjectKind, _ key: ObjectKey) {
        let id = ObjectID(key, seed: seed)
        switch kind {
        case .namespace: if namespaces[key.name] != nil { namespaces[key.name] = epoch(kind) }
        case .service: services[id]?.epoch = epoch(kind)
        case .endpointSlice:
            slices[id]?.epoch = epoch(kind)
            slices[ObjectID(importOf: key, seed: seed)]?.epoch = epoch(kind)
        case .pod: pods[id]?.epoch = epoch(kind)
        case .serviceImport: services[ObjectID(importOf: key, seed: seed)]?.epoch = epoch(kind)
        }
    }

    private func epoch(_ kind: ObjectKind) -> UInt32 { epochs[kind] ?? 0 }

    private func store(_ object: ServiceObject) -> Bool {
        guard let id = makeService(object.key) else { return false }
        let external = options.keepsExternalAddresses ? ExternalEntry.encode(object) : []
        return store(CompactObject.encode(object), external: external, epoch(.service), id)
    }

    private func store(imported object: ServiceObject) -> Bool {
        guard options.answersImports, let id = makeService(object.key, isImport: true) else { return false }
        return store(CompactObject.encode(imported: object), external: [], epoch(.serviceImport), id)
    }

    private func store(_ octets: [UInt8], external: [UInt8], _ epoch: UInt32, _ id: ObjectID) -> Bool {
        services[id]?.epoch = epoch
        guard services[id]?.service != octets || services[id]?.external != external else { return false }
        services[id]?.service = octets
        services[id]?.external = external
        touch(id)
        return true
    }

    /// The state of that service, made when there is none; nil when its name is no name in the DNS.
    private func makeService(_ key: ObjectKey, isImport: Bool = false) -> ObjectID? {
        let id = isImport ? ObjectID(importOf: key, seed: seed) : ObjectID(key, seed: seed)
        guard services[id] == nil else { return id }
        let key =
            isImport
            ? CompactObject.key(serviceImport: key.name, namespace: key.namespace)
            : CompactObject.key(service: key.name, namespace: key.namespace)
        guard let key else { return nil }
        let hash = withBytes(key) { KeyedTable.hash($0, seed: seed) }
        services[id] = ServiceState(key: key, hash: hash)
        return id
    }

    private func touch(_ id: ObjectID) {
        guard services[id]?.isTouched == false else { return }
        services[id]?.isTouched = true
        touched.append(id)
    }

    private func store(_ object: EndpointSliceObject) -> Bool {
        let isImportChange = options.answersImports && storeImported(object)
        let id = ObjectID(object.key, seed: seed)
        let owner = ObjectKey(namespace: object.key.namespace, name: object.service)
        guard options.answersEndpoints, !object.service.isEmpty, let service = makeService(owner) else {
            return removeSlice(id) || isImportChange
        }
        let octets = CompactObject.encode(
            object, podNames: options.endpointPodNames, zones: options.answersZones)
        let isChange = store(octets, id, of: service)
        if isChange { recordTrigger(of: object, service) }
        return isChange || isImportChange
    }

    /// A slice may belong to a service here and to one of all clusters; the two are kept apart.
    private func storeImported(_ object: EndpointSliceObject) -> Bool {
        let id = ObjectID(importOf: object.key, seed: seed)
        guard options.answersEndpoints, let origin = object.origin,
            let octets = CompactObject.encode(
                imported: object, origin.cluster, podNames: options.endpointPodNames),
            let service = makeService(
                ObjectKey(namespace: object.key.namespace, name: origin.service), isImport: true)
        else { return removeSlice(id) }
        return store(octets, id, of: service)
    }

    private func store(_ octets: [UInt8], _ id: ObjectID, of service: ObjectID) -> Bool {
        if slices[id]?.service == service, slices[id]?.octets == octets {
            slices[id]?.epoch = epoch(.endpointSlice)
            return false
        }
        if slices[id]?.service != service { _ = removeSlice(id) }
        if slices.updateValue(
            SliceState(service: service, octets: octets, epoch: epoch(.endpointSlice)), forKey: id) == nil
        {
            services[service]?.slices.append(id)
        }
        touch(service)
        return true
    }

    /// The first list says nothing about how long changes took.
    private func recordTrigger(of slice: EndpointSliceObject, _ service: ObjectID) {
        guard let trigger = slice.lastChangeTrigger, listedKinds.contains(.endpointSlice), triggers.count < 4096 else {
            return
        }
        triggers.append((service, trigger, slice.followsSelector))
    }

    private func removeSlice(_ id: ObjectID) -> Bool {
        guard let slice = slices.removeValue(forKey: id) else { return false }
        services[slice.service]?.slices.removeAll { $0 == id }
        touch(slice.service)
        return true
    }

    private func store(_ object: PodObject) -> Bool {
        guard options.pods == .verified || options.indexesPods else { return false }
        let isChange = storePod(object, epoch: epoch(.pod))
        return isChange && options.pods == .verified
    }

    // MARK: - Removal

    private func delete(_ kind: ObjectKind, _ key: ObjectKey) -> Bool {
        switch kind {
        case .namespace: removeNamespace(key.name)
        case .service: removeService(ObjectID(key, seed: seed))
        case .endpointSlice: removeSlices(key)
        case .pod: removePod(ObjectID(key, seed: seed)) && options.pods == .verified
        case .serviceImport: removeService(ObjectID(importOf: key, seed: seed))
        }
    }

    private func removeSlices(_ key: ObjectKey) -> Bool {
        let isImport = removeSlice(ObjectID(importOf: key, seed: seed))
        return removeSlice(ObjectID(key, seed: seed)) || isImport
    }

    private func removeNamespace(_ name: String) -> Bool {
        guard namespaces.removeValue(forKey: name) != nil else { return false }
        touchedNames.noteNamespaces()
        namespacesChanged = true
        return true
    }

    private func removeService(_ id: ObjectID) -> Bool {
        guard services[id]?.service.isEmpty == false else { return false }
        services[id]?.service = []
        services[id]?.external = []
        touch(id)
        return true
    }

    /// Drops what the list that just ended did not name.
    private func sweep(_ kind: ObjectKind) -> Bool {
        let epoch = epoch(kind)
        switch kind {
        case .namespace:
            let gone = namespaces.filter { $0.value != epoch }.keys
            return gone.reduce(false) { removeNamespace($1) || $0 }
        case .service, .serviceImport:
            let gone = services.filter {
                $0.value.epoch != epoch && !$0.value.service.isEmpty && $0.value.isImport == (kind == .serviceImport)
            }.keys
            return gone.reduce(false) { removeService($1) || $0 }
        case .endpointSlice:
            let gone = slices.filter { $0.value.epoch != epoch }.keys
            return gone.reduce(false) { removeSlice($1) || $0 }
        case .pod:
            let gone = pods.filter { $0.value.epoch != epoch }.keys
            return gone.reduce(false) { removePod($1) || $0 } && options.pods == .verified
        }
    }

    // MARK: - Snapshots

    /// Whether what changes is noted for `drainChanges`.
    package var notesChanges: Bool {
        get { touchedNames.isWanted }
        set { touchedNames.isWanted = newValue }
    }

    /// What changed with the snapshots made since this was last asked, as `ClusterView.changeKey` numbers it; nil when
    /// it may be anything.
    package func drainChanges() -> [UInt64]? { touchedNames.drain() }

    /// The records after all changes so far; shares every shard that they did not touch.
    package func makeSnapshot() -> ClusterSnapshot {
        guard hasChanges else { return snapshot }
        var tables = snapshot.tables
        rebuildServices(&tables)
        pendingPods.apply(to: &tables.pods)
        if namespacesChanged { tables.namespaces = makeNamespaces() }
        namespacesChanged = false
        snapshot = ClusterSnapshot(tables, serial: serial, options: options, seed: seed)
        return snapshot
    }

    private func makeNamespaces() -> Shard {
        let labels = namespaces.keys.compactMap { CompactObject.label($0).map { Array($0.dropFirst()) } }
        let changes = Set(labels).map { label in
            KeyedTable.Change(
                key: label, hash: withBytes(label) { KeyedTable.hash($0, seed: seed) }, payload: [])
        }
        return KeyedTable(bytes: Shard.empty.view).applying(changes, seed: seed)
    }

    private func rebuildServices(_ tables: inout Tables) {
        var reverse = PendingEntries(seed: seed)
        var shards: [Int: [ObjectID]] = [:]
        for id in touched {
            guard let hash = services[id]?.hash else { continue }
            touchedNames.note(service: hash)
            shards[KeyedTable.shard(of: hash), default: []].append(id)
        }
        touched = []
        if options.keepsExternalAddresses { rebuildExternal(&tables, shards) }
        if options.answersZones { rebuildZones(&tables, shards) }
        for (shard, ids) in shards {
            let table = KeyedTable(bytes: tables.services[shard].view)
            let changes = ids.compactMap { renew($0, in: table, &reverse) }
            if !changes.isEmpty { tables.services[shard] = table.applying(changes, seed: seed) }
        }
        reverse.apply(to: &tables.reverse)
    }

    /// The service's new entry, nil when it is as before; notes what that means for reverse names.
    private func renew(
        _ id: ObjectID, in table: KeyedTable, _ reverse: inout PendingEntries
    ) -> KeyedTable.Change? {
        guard let state = services[id] else { return nil }
        services[id]?.isTouched = false
        if state.service.isEmpty, state.slices.isEmpty { services[id] = nil }
        let isImport = state.isImport
        let payload = ServiceEncoder.encode(
            service: state.service, slices: state.slices.compactMap { slices[$0]?.octets }, isImport: isImport)
        let old = withBytes(state.key) { table.find($0, hash: state.hash) }
        return withBytes(payload ?? []) { new in
            if let old, old.equals(new) { return nil }
            if old == nil, payload == nil { return nil }
            // Addresses have the names that this cluster gives them.
            guard !isImport else { return KeyedTable.Change(key: state.key, hash: state.hash, payload: payload) }
            let (before, after) = (old.map(ServiceEntry.init), payload == nil ? nil : ServiceEntry(bytes: new))
            ReverseDifference(old: before, new: after, hash: state.hash).note(in: &reverse)
            touchedNames.note(addressesOf: before)
            touchedNames.note(addressesOf: after)
            return KeyedTable.Change(key: state.key, hash: state.hash, payload: payload)
        }
    }

    /// Brings the external tables in step with the touched services; before `renew` forgets those that are gone.
    private func rebuildExternal(_ tables: inout Tables, _ shards: [Int: [ObjectID]]) {
        var reverse = PendingEntries(seed: seed)
        for (shard, ids) in shards {
            let table = KeyedTable(bytes: tables.external[shard].view)
            var changes: [KeyedTable.Change] = []
            for state in ids.compactMap({ services[$0] }) {
                let old = withBytes(state.key) { table.find($0, hash: state.hash) }
                guard (old?.array ?? []) != state.external else { continue }
                let mark = ExternalEntry.mark(hash: state.hash)
                for address in old.map(ExternalEntry.init)?.distinct ?? [] { reverse.remove(address, payload: mark) }
                withBytes(state.external) { new in
                    for address in ExternalEntry(bytes: new).distinct { reverse.add(address, payload: mark) }
                }
                changes.append(
                    KeyedTable.Change(
                        key: state.key, hash: state.hash, payload: state.external.isEmpty ? nil : state.external))
            }
            if !changes.isEmpty { tables.external[shard] = table.applying(changes, seed: seed) }
        }
        reverse.apply(to: &tables.externalReverse)
    }

    /// Gives touched headless services an entry for each topology zone; before `renew` forgets those that are gone.
    private func rebuildZones(_ tables: inout Tables, _ shards: [Int: [ObjectID]]) {
        var changes: [Int: [KeyedTable.Change]] = [:]
        for id in shards.values.joined() {
            guard let state = services[id] else { continue }
            let isHeadless = state.service.first == ServiceKind.headless.rawValue && !state.isImport
            let octets = isHeadless ? state.slices.compactMap { slices[$0]?.octets } : []
            let zones = ServiceEncoder.zones(of: octets)
            for zone in zones.union(state.zones) {
                let key = CompactObject.key(zone: zone, of: state.key)
                let hash = withBytes(key) { KeyedTable.hash($0, seed: seed) }
                let payload =
                    zones.contains(zone)
                    ? ServiceEncoder.encode(service: state.service, slices: octets, zone: zone) : nil
                changes[KeyedTable.shard(of: hash), default: []].append(
                    KeyedTable.Change(key: key, hash: hash, payload: payload))
            }
            services[id]?.zones = zones
        }
        for (shard, changes) in changes {
            tables.services[shard] = KeyedTable(bytes: tables.services[shard].view).applying(changes, seed: seed)
        }
    }
}
