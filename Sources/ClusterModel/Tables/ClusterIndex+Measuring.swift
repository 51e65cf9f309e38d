/// What the index costs, and how long changes took to reach it.
extension ClusterIndex {
    /// Octets held by the writer itself, the snapshot not counted, to within the allocator's rounding.
    package var octetCount: Int {
        let tables =
            Self.octets(of: services) + Self.octets(of: slices) + Self.octets(of: pods) + Self.octets(of: namespaces)
        let serviceOctets = services.values.reduce(0) {
            $0 + Self.block($1.key.count) + Self.block($1.service.count)
                + Self.block($1.slices.capacity * MemoryLayout<ObjectID>.stride)
        }
        return tables + serviceOctets + slices.values.reduce(0) { $0 + Self.block($1.octets.capacity) }
    }

    /// An array's heap block: its header of 32 octets, and the allocator's of 8, in steps of 16.
    private static func block(_ octets: Int) -> Int { octets == 0 ? 0 : (32 + octets + 8 + 15) / 16 * 16 }

    /// A dictionary has four places for every three elements it may hold, and a bit for each.
    private static func octets<Key, Value>(of dictionary: [Key: Value]) -> Int {
        let places = dictionary.capacity * 4 / 3
        return places * (MemoryLayout<Key>.stride + MemoryLayout<Value>.stride) + places / 8
    }

    /// The last-change times of slices changed since the last call, for the programming latency metric.
    ///
    /// - Returns: seconds since 1970, and what the slice's service is; without a service there is nothing.
    package func drainProgrammingTriggers() -> [(kind: ProgrammedService, trigger: Double)] {
        defer { triggers = [] }
        return triggers.compactMap { service, trigger, followsSelector in
            switch services[service]?.service.first.flatMap(ServiceKind.init) {
            case .headless: (followsSelector ? .headlessWithSelector : .headlessWithoutSelector, trigger)
            case .cluster: (.clusterIP, trigger)
            case .externalName, .unusable, nil: nil
            }
        }
    }
}

/// What the programming latency is told apart by: the values of the metric's label `service_kind`.
package enum ProgrammedService: String, CaseIterable, Sendable {
    case clusterIP = "cluster_ip"
    case headlessWithSelector = "headless_with_selector"
    case headlessWithoutSelector = "headless_without_selector"
}
