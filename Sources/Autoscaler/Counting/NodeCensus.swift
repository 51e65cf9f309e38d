/// The nodes of the cluster, as little of each as the sums need.
package struct NodeCensus: Sendable {
    /// One node as the API server tells it.
    package struct Node: Equatable, Sendable {
        /// `status.allocatable["cpu"]`; zero when absent.
        package var cpu: Quantity
        /// Not cordoned, and its condition Ready is True.
        package var isSchedulable: Bool
        /// Label topology.kubernetes.io/zone; empty when absent.
        package var zone: String

        package init(cpu: Quantity, isSchedulable: Bool, zone: String = "") {
            self.cpu = cpu
            self.isSchedulable = isSchedulable
            self.zone = zone
        }
    }

    private struct Entry {
        var cpu: Quantity
        /// Place in `zones`.
        var zone: Int32
        var isSchedulable: Bool
        /// The list that brought it last.
        var list: UInt32
    }

    private struct Zone {
        var name: String
        var nodes = 0
        var schedulableNodes = 0
    }

    private var entries: [String: Entry] = [:]
    private var zones: [Zone] = [Zone(name: "")]
    private var cpu = Quantity.zero
    private var schedulableCPU = Quantity.zero
    private var schedulableNodes = 0
    private var list: UInt32 = 0

    package init() {}

    /// A list begins: what it does not bring is gone when it ends.
    package mutating func listStarted() { list &+= 1 }

    package mutating func listFinished() {
        for (name, entry) in entries where entry.list != list { remove(name) }
    }

    package mutating func store(_ name: String, _ node: Node) {
        remove(name)
        let entry = Entry(cpu: node.cpu, zone: place(of: node.zone), isSchedulable: node.isSchedulable, list: list)
        entries[name] = entry
        count(entry, 1)
    }

    package mutating func remove(_ name: String) {
        if let old = entries.removeValue(forKey: name) { count(old, -1) }
    }

    private mutating func count(_ entry: Entry, _ sign: Int) {
        cpu = sign > 0 ? cpu + entry.cpu : cpu - entry.cpu
        let zone = Int(entry.zone)
        zones[zone].nodes += sign
        guard entry.isSchedulable else { return }
        schedulableCPU = sign > 0 ? schedulableCPU + entry.cpu : schedulableCPU - entry.cpu
        schedulableNodes += sign
        zones[zone].schedulableNodes += sign
    }

    /// Places are used again once their zone is empty, so that names that come and go do not pile up.
    private mutating func place(of name: String) -> Int32 {
        if let known = zones.firstIndex(where: { $0.name == name }) { return Int32(known) }
        if let free = zones.indices.dropFirst().first(where: { zones[$0].nodes == 0 }) {
            zones[free].name = name
            return Int32(free)
        }
        zones.append(Zone(name: name))
        return Int32(zones.count - 1)
    }

    /// The sums. Nodes without a zone are in none.
    package var size: ClusterSize {
        let named = zones.dropFirst()
        return ClusterSize(
            total: .init(nodes: entries.count, cores: cpu.cores, zones: named.count { $0.nodes > 0 }),
            schedulable: .init(
                nodes: schedulableNodes, cores: schedulableCPU.cores,
                zones: named.count { $0.schedulableNodes > 0 }))
    }
}
