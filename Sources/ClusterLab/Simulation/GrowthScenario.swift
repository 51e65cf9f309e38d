import Text

/// One day of a cluster that grows from one node to 15,000, shrinks by half at night, and meets steps of load; the same
/// day every time.
struct GrowthScenario {
    /// Seconds between two looks, the reference's poll period.
    static let period = 10
    static let seconds = 24 * 3600
    static let mostNodes = 15_000

    /// The cluster at one moment.
    struct Moment {
        var second: Int
        var nodes: Int
        /// Nodes that are ready.
        var readyNodes: Int
        var readyCores: Int
        /// Queries a second of all clients.
        var queries: Double
    }

    private var dice = SeededRandom(seed: 0x5EED)
    /// Of each node: cores, and the second until which it is not ready.
    private var cores: [Int] = []
    private var awayUntil: [Int] = []
    private(set) var second = 0

    /// Nodes that the cluster is meant to have: 16 hours of growth, a pause, and a night with half of them.
    static func intendedNodes(at second: Int) -> Int {
        let hours = Double(second) / 3600
        if hours < 16 { return max(1, Int(Double(mostNodes) * (hours / 16) * (hours / 16))) }
        if hours < 18 { return mostNodes }
        return hours < 22 ? mostNodes - Int(Double(mostNodes) / 2 * (hours - 18) / 4) : mostNodes / 2
    }

    /// Queries a second of one node's clients: a base, and three steps such as a deployment of all workloads makes.
    static func queriesPerNode(at second: Int) -> Double {
        switch second / 60 {
        case 7 * 60..<7 * 60 + 40: 2500
        case 13 * 60..<13 * 60 + 40: 2200
        case 20 * 60..<20 * 60 + 40: 2500
        default: 120
        }
    }

    /// The next moment; nil when the day is over.
    mutating func next() -> Moment? {
        guard second < Self.seconds else { return nil }
        defer { second += Self.period }
        let intended = Self.intendedNodes(at: second)
        while cores.count < intended {
            let draw = dice.fraction()
            cores.append(draw < 0.3 ? 4 : draw < 0.8 ? 8 : draw < 0.95 ? 16 : 64)
            awayUntil.append(0)
        }
        if cores.count > intended {
            cores.removeLast(cores.count - intended)
            awayUntil.removeLast(awayUntil.count - intended)
        }
        // Each period a few nodes lose their kubelet for a minute or two; now and then a rack does.
        let isRack = dice.fraction() < 0.002
        let lost = isRack ? intended / 25 : Int(Double(intended) * 0.0004 + dice.fraction())
        for _ in 0..<lost {
            let index = min(intended - 1, Int(dice.fraction() * Double(intended)))
            // The last node stays: a cluster without any is another question.
            if index > 0 { awayUntil[index] = second + 40 + Int(dice.fraction() * 80) }
        }
        var (readyNodes, readyCores) = (0, 0)
        for index in cores.indices where awayUntil[index] <= second {
            readyNodes += 1
            readyCores += cores[index]
        }
        return Moment(
            second: second, nodes: intended, readyNodes: readyNodes, readyCores: readyCores,
            queries: Self.queriesPerNode(at: second) * Double(intended))
    }
}
