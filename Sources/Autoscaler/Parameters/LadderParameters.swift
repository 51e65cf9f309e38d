package import Flags

/// Replicas by steps of cores and nodes (cluster-proportional-autoscaler, mode `ladder`).
package struct LadderParameters: Equatable, Sendable {
    /// So many replicas from so many cores or nodes on.
    package struct Step: Equatable, Sendable {
        package var from: Int
        package var replicas: Int

        package init(from: Int, replicas: Int) {
            self.from = from
            self.replicas = replicas
        }
    }

    /// Ascending; empty leaves cores out.
    package var coresToReplicas: [Step]
    /// Ascending; empty leaves nodes out.
    package var nodesToReplicas: [Step]
    /// Counts nodes that are cordoned or not ready, too.
    package var includeUnschedulableNodes: Bool
    /// Between two steps replicas grow evenly, rounded up, instead of at once at the second. Not in the reference.
    package var interpolate: Bool

    package init(json text: String) throws(ParameterError) {
        let object = try ParameterObject(text, mode: "ladder")
        coresToReplicas = try Self.sorted(object, "coresToReplicas")
        nodesToReplicas = try Self.sorted(object, "nodesToReplicas")
        includeUnschedulableNodes = try object.flag("includeUnschedulableNodes")
        interpolate = try object.flag("interpolate")
    }

    private static func sorted(_ object: ParameterObject, _ field: String) throws(ParameterError) -> [Step] {
        let steps = try object.steps(field)
        if let wrong = steps.first(where: { $0.from < 0 || $0.replicas < 0 }) {
            throw ParameterError(
                at: "ladder.\(field)", found: "[\(wrong.from), \(wrong.replicas)]", expected: "no negative numbers")
        }
        return steps.sorted { $0.from < $1.from }
    }
}
