extension LinearParameters {
    /// The larger of what cores and nodes ask for.
    func steps(_ counted: ClusterSize.Share) -> [Decision.Step] {
        let cores = part(counted.cores, per: coresPerReplica, "cores", "coresPerReplica")
        var nodes = part(counted.nodes, per: nodesPerReplica, "nodes", "nodesPerReplica")
        var steps = [cores, nodes]
        // After the limits, as the reference: this may exceed `max`.
        if preventSinglePointFailure, counted.nodes > 1, nodes.replicas < 2 {
            nodes = .init(replicas: 2, because: "preventSinglePointFailure: \(counted.nodes) nodes are more than one")
            steps.append(nodes)
        }
        let larger = Swift.max(cores.replicas, nodes.replicas)
        return steps + [.init(replicas: larger, because: "the larger of \(cores.replicas) and \(nodes.replicas)")]
    }

    /// ceil(count / per), not above `max`, not below `min`; 1 when the parameter is off.
    private func part(_ count: Int, per: Double, _ unit: String, _ field: String) -> Decision.Step {
        guard per != 0 else { return .init(replicas: 1, because: "\(field) is off") }
        let exact = (Double(count) / per).rounded(.up)
        var limited = exact
        if max != 0 { limited = Swift.min(Double(max), limited) }
        limited = Swift.max(Double(min), limited)
        var because = "\(count) \(unit) / \(per.shortest), rounded up: \(exact.shortest)"
        if limited > exact { because += ", at least min \(min)" }
        if limited < exact { because += ", at most max \(max)" }
        return .init(replicas: limited.replicas, because: because)
    }
}

extension Double {
    /// A number of replicas: what no API server could store is the most it can, and what is no number is none.
    var replicas: Int { self >= Double(Int32.max) ? Int(Int32.max) : self > 0 ? Int(self) : 0 }

    /// For a person to read; what is beyond 2^31 is not told apart.
    var wholeNumber: Int { replicas }

    /// Without a fraction of zero.
    var shortest: String { Int64(exactly: self).map { String($0) } ?? "\(self)" }
}
