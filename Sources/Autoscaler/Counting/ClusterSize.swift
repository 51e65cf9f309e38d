/// What a cluster amounts to: all that a decision depends on.
package struct ClusterSize: Equatable, Sendable {
    /// Nodes, their allocatable cores rounded up, and the zones they are in.
    package struct Share: Equatable, Sendable {
        package var nodes: Int
        package var cores: Int
        package var zones: Int

        package init(nodes: Int, cores: Int, zones: Int = 0) {
            self.nodes = nodes
            self.cores = cores
            self.zones = zones
        }
    }

    package var total: Share
    /// Of nodes that are ready and not cordoned.
    package var schedulable: Share

    package init(total: Share, schedulable: Share) {
        self.total = total
        self.schedulable = schedulable
    }

    /// A cluster all of whose nodes are schedulable.
    package init(nodes: Int, cores: Int, zones: Int = 0) {
        total = Share(nodes: nodes, cores: cores, zones: zones)
        schedulable = total
    }
}
