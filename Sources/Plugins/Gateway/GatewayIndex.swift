import ClusterModel
import DNSWire
import KubernetesAPI
import Snapshots
import Synchronization

/// Objects as they are known, and the table they make.
final class GatewayIndex: Sendable {
    let published = Published(GatewayTable())
    private let settings: GatewaySettings
    private let state: Mutex<State>

    private struct State {
        var objects: [ResourceCollection: [ObjectKey: GatewayObject]] = [:]
        /// Objects of a list under way; what is not among them is gone when it ends.
        var listing: [ResourceCollection: Set<ObjectKey>] = [:]
        var listed: Set<ResourceCollection> = []
        var forbidden: Set<ResourceCollection> = []
        var serial: UInt32 = 1
    }

    init(_ settings: GatewaySettings) {
        self.settings = settings
        state = Mutex(State())
    }

    /// Nil when all kinds are known; else what is not.
    var missing: String? { published.value.missing }

    /// True once some Service asks for its endpoints.
    var wantsEndpoints: Bool {
        state.withLock { $0.objects.values.contains { $0.values.contains(where: \.wantsEndpoints) } }
    }

    func apply(_ collection: ResourceCollection, _ changes: [ReflectedChange<FollowedResource<GatewayObject>>]) {
        let table = state.withLock { state -> GatewayTable? in
            if changes.isEmpty { state.forbidden.insert(collection) }
            var isListing = false
            for change in changes {
                switch change {
                case .listStarted: state.listing[collection] = []
                case .stored(let object):
                    state.objects[collection, default: [:]][object.key] = object.content
                    if state.listing[collection]?.insert(object.key) != nil { isListing = true }
                case .deleted(let object):
                    state.objects[collection]?[object.key] = nil
                    state.listing[collection]?.remove(object.key)
                case .listFinished:
                    let kept = state.listing.removeValue(forKey: collection) ?? []
                    state.objects[collection] = state.objects[collection]?.filter { kept.contains($0.key) }
                    state.listed.insert(collection)
                    state.forbidden.remove(collection)
                    isListing = false
                }
            }
            guard !isListing else { return nil }
            return makeTable(&state)
        }
        if let table { published.publish(table) }
    }

    private func makeTable(_ state: inout State) -> GatewayTable {
        let objects = state.objects
        let names = settings.resources.map { targets(of: $0, objects) }
        var table = GatewayTable(names, zones: settings.zones)
        state.serial &+= 1
        table.serial = state.serial
        table.missing = missing(state)
        return table
    }

    private func missing(_ state: State) -> String? {
        let needed = settings.collections.filter { GatewayKind($0) != .endpointSlice }
        let waited = needed.filter { !state.listed.contains($0) }
        guard !waited.isEmpty else { return nil }
        let isForbidden = waited.allSatisfy(state.forbidden.contains)
        let resources = Set(waited.map(\.resource)).sorted().joined(separator: ", ")
        return isForbidden ? "\(resources) may not be listed" : "\(resources) have not been listed yet"
    }

    // MARK: Objects to names

    private func targets(
        of kind: GatewayKind, _ objects: [ResourceCollection: [ObjectKey: GatewayObject]]
    ) -> [Name: GatewayObject.Target] {
        var names: [Name: GatewayObject.Target] = [:]
        func add(_ target: GatewayObject.Target, to text: String) {
            for name in absolute(text) { names[name, default: .init()].add(target) }
        }
        // Objects in an order of their own, so that equal clusters give equal answers.
        for collection in kind.collections(serviceSelectors: settings.serviceSelectors) {
            for (key, object) in (objects[collection] ?? [:]).sorted(by: {
                ($0.key.namespace, $0.key.name) < ($1.key.namespace, $1.key.name)
            })
            where isWanted(object, of: kind) {
                let target = target(of: object, key, kind, objects)
                for name in object.names { add(target, to: name) }
                for each in object.targets { add(each.target, to: each.name) }
            }
        }
        return names
    }

    private func isWanted(_ object: GatewayObject, of kind: GatewayKind) -> Bool {
        switch kind {
        case .ingress: settings.ingressClasses.isEmpty || settings.ingressClasses.contains(object.className)
        case .gateway: settings.gatewayClasses.isEmpty || settings.gatewayClasses.contains(object.className)
        default: true
        }
    }

    private func target(
        of object: GatewayObject, _ key: ObjectKey, _ kind: GatewayKind,
        _ objects: [ResourceCollection: [ObjectKey: GatewayObject]]
    ) -> GatewayObject.Target {
        var target = object.target
        func each(_ kind: GatewayKind, _ body: (ObjectKey, GatewayObject) -> Void) {
            for collection in kind.collections(serviceSelectors: []) { objects[collection]?.forEach(body) }
        }
        if kind.isRoute {
            let gateways = GatewayKind.gateway.collections(serviceSelectors: []).compactMap { objects[$0] }
            for parent in object.parents {
                for gateway in gateways.compactMap({ $0[parent] }) where isWanted(gateway, of: .gateway) {
                    target.add(gateway.target)
                }
            }
        } else if object.wantsEndpoints {
            each(.endpointSlice) { slice, content in
                if slice.namespace == key.namespace, content.service == key.name { target.add(content.target) }
            }
            target.addresses.sort { ($0.high, $0.low) < ($1.high, $1.low) }
        }
        return target
    }

    /// The names that a written one stands for: itself within a zone, else below each zone.
    private func absolute(_ text: String) -> [Name] {
        guard let name = Name(text), name != .root else { return [] }
        if settings.zones.contains(where: name.isSubdomain) { return [name] }
        return settings.zones.compactMap { zone in
            let labels = text.hasSuffix(".") ? String(text.dropLast()) : text
            return Name(zone == .root ? labels : "\(labels).\(zone)")
        }
    }
}
