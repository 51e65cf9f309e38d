package import Flags

/// Replicas in proportion to cores and nodes (cluster-proportional-autoscaler, mode `linear`).
package struct LinearParameters: Equatable, Sendable {
    /// Cores that one replica serves; 0 leaves cores out.
    package var coresPerReplica: Double
    /// Nodes that one replica serves; 0 leaves nodes out.
    package var nodesPerReplica: Double
    /// The fewest replicas; at least 1.
    package var min: Int
    /// The most replicas; 0 is no limit.
    package var max: Int
    /// At least two replicas once there are two nodes, whatever `max` says.
    package var preventSinglePointFailure: Bool
    /// Counts nodes that are cordoned or not ready, too.
    package var includeUnschedulableNodes: Bool

    package init(json text: String) throws(ParameterError) {
        let object = try ParameterObject(text, mode: "linear")
        coresPerReplica = try object.number("coresPerReplica")
        nodesPerReplica = try object.number("nodesPerReplica")
        min = try object.integer("min")
        max = try object.integer("max")
        preventSinglePointFailure = try object.flag("preventSinglePointFailure")
        includeUnschedulableNodes = try object.flag("includeUnschedulableNodes")
        try check()
        if min == 0 { min = 1 }
    }

    private func check() throws(ParameterError) {
        func refuse(_ field: String, _ found: String, _ expected: String) -> ParameterError {
            ParameterError(at: "linear.\(field)", found: found, expected: expected)
        }
        guard coresPerReplica >= 0 else { throw refuse("coresPerReplica", "\(coresPerReplica)", "0 or more") }
        guard nodesPerReplica >= 0 else { throw refuse("nodesPerReplica", "\(nodesPerReplica)", "0 or more") }
        guard coresPerReplica > 0 || nodesPerReplica > 0 else {
            throw ParameterError(
                at: "linear", found: "neither coresPerReplica nor nodesPerReplica", expected: "one of them, above 0")
        }
        guard min >= 0 else { throw refuse("min", "\(min)", "0 or more") }
        guard max == 0 || max >= Swift.max(min, 1) else { throw refuse("max", "\(max)", "0, or at least min (\(min))") }
    }
}
