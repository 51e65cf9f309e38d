/// How many replicas a cluster gets, and how that number came about.
package struct Decision: Equatable, Sendable {
    /// One line of the arithmetic, for a person.
    package struct Step: Equatable, Sendable {
        package var replicas: Int
        package var because: String
    }

    /// What is counted: all nodes, or the schedulable ones.
    package let counted: ClusterSize.Share
    /// In the order in which they were taken; the last one's number is the decision.
    package private(set) var steps: [Step]

    package var replicas: Int { steps.last?.replicas ?? 0 }

    init(counted: ClusterSize.Share, steps: [Step]) {
        self.counted = counted
        self.steps = steps
    }

    /// Raises the number to a floor that does not come from the rule; one that is reached already leaves no trace.
    mutating func raise(to floor: Int, because reason: @autoclosure () -> String) {
        if floor > replicas { steps.append(Step(replicas: floor, because: reason())) }
    }
}

/// Floors under the rule's decision; none of them is the reference's, and all are off unless asked for.
package struct Floors: Equatable, Sendable {
    /// As many replicas as zones that have counted nodes.
    package var atLeastZones = false
    /// What the DNS servers' own measurements ask for; nil while load is not looked at.
    package var load: LoadFloor?

    package init(atLeastZones: Bool = false, load: LoadFloor? = nil) {
        self.atLeastZones = atLeastZones
        self.load = load
    }
}

/// The replicas that the measured load asks for.
package struct LoadFloor: Equatable, Sendable {
    package var replicas: Int
    package var because: String

    package init(replicas: Int, because: String) {
        self.replicas = replicas
        self.because = because
    }
}

extension ScalingParameters {
    /// The replicas for a cluster of this size.
    package func decide(_ size: ClusterSize, _ floors: Floors = Floors()) -> Decision {
        let counted = includesUnschedulableNodes ? size.total : size.schedulable
        var decision = Decision(counted: counted, steps: steps(counted))
        // A rule that says none means none: the target is switched off on purpose.
        guard decision.replicas > 0 else { return decision }
        // More DNS servers than nodes would share nodes, which serves nobody.
        if let load = floors.load {
            decision.raise(to: limited(min(load.replicas, max(counted.nodes, 1))), because: load.because)
        }
        if floors.atLeastZones { decision.raise(to: counted.zones, because: "zones that have nodes: \(counted.zones)") }
        return decision
    }

    private func steps(_ counted: ClusterSize.Share) -> [Decision.Step] {
        switch self {
        case .linear(let parameters): parameters.steps(counted)
        case .ladder(let parameters): parameters.steps(counted)
        }
    }

    /// `max` also holds for what load asks for.
    private func limited(_ replicas: Int) -> Int {
        if case .linear(let parameters) = self, parameters.max > 0 { min(replicas, parameters.max) } else { replicas }
    }
}
