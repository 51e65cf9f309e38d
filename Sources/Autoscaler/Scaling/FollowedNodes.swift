import KubernetesAPI
internal import Telemetry

/// The nodes as their watch brings them.
struct FollowedNodes {
    private var census = NodeCensus()
    /// A first list is complete.
    private(set) var isKnown = false
    /// Why they cannot be followed at present.
    private(set) var problem: RequestProblem?
    /// Nodes whose CPU could not be read: each is named once.
    private var faulty: Set<String> = []

    var size: ClusterSize { census.size }

    /// - Returns: whether what a decision depends on has changed.
    mutating func take(_ changes: [ReflectedChange<ObservedNode>]) -> Bool {
        let before = (isKnown, census.size)
        for change in changes {
            switch change {
            case .listStarted: census.listStarted()
            case .listFinished:
                census.listFinished()
                (isKnown, problem) = (true, nil)
            case .stored(let node): store(node)
            case .deleted(let node):
                census.remove(node.name)
                faulty.remove(node.name)
            }
        }
        return isKnown && before != (true, census.size)
    }

    mutating func failed(_ problem: RequestProblem) { self.problem = problem }

    private mutating func store(_ node: ObservedNode) {
        let cpu = node.cpu.map { Quantity($0) } ?? .zero
        if cpu == nil, faulty.insert(node.name).inserted {
            Log.warning(
                "autoscaler: node \(node.name): status.allocatable.cpu: found \"\((node.cpu ?? "").prefix(40))\", "
                    + "expected a quantity such as 4 or 3920m; it counts as 0")
        }
        census.store(
            node.name,
            NodeCensus.Node(cpu: cpu ?? .zero, isSchedulable: node.isReady && !node.isCordoned, zone: node.zone))
    }
}
