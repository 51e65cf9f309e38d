extension LadderParameters {
    /// The larger of what the two ladders say.
    func steps(_ counted: ClusterSize.Share) -> [Decision.Step] {
        let cores = lookup(counted.cores, coresToReplicas, "cores", "coresToReplicas")
        let nodes = lookup(counted.nodes, nodesToReplicas, "nodes", "nodesToReplicas")
        let larger = max(cores.replicas, nodes.replicas)
        return [
            cores, nodes,
            .init(replicas: larger, because: "the larger of \(cores.replicas) and \(nodes.replicas)"),
        ]
    }

    /// The last step at or below `count`; below the first step it is the first, without steps none.
    private func lookup(_ count: Int, _ steps: [Step], _ unit: String, _ field: String) -> Decision.Step {
        guard let first = steps.first else { return .init(replicas: 0, because: "\(field) is empty") }
        let index = steps.lastIndex { $0.from <= count }
        let step = index.map { steps[$0] } ?? first
        var because = "\(count) \(unit): step [\(step.from), \(step.replicas)]"
        var replicas = min(step.replicas, Int(Int32.max))
        if interpolate, let index, index + 1 < steps.count {
            let next = steps[index + 1]
            replicas = Self.between(step, next, at: count)
            because += ", on the way to [\(next.from), \(next.replicas)]"
        }
        return .init(replicas: replicas, because: because)
    }

    /// Evenly from `step` to `next`, rounded up.
    private static func between(_ step: Step, _ next: Step, at count: Int) -> Int {
        let way = (Double(count) - Double(step.from)) / (Double(next.from) - Double(step.from))
        return (Double(step.replicas) + (Double(next.replicas) - Double(step.replicas)) * way).rounded(.up).replicas
    }
}
