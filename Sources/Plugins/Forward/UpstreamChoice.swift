/// In which order the upstreams of one line are tried for one question.
struct UpstreamChoice {
    private let policy: ForwardSettings.Policy
    private var next = 0
    /// Most lines have one upstream: nothing is put in order, or allocated, for it.
    private static let onlyOne = [0]

    init(_ policy: ForwardSettings.Policy) { self.policy = policy }

    /// - Parameter isDown: whether probes of each upstream fail.
    /// - Returns: positions of upstreams that are not down, in the order to try them; empty when all are.
    mutating func order(_ isDown: [Bool]) -> [Int] {
        if isDown.count == 1 { return isDown[0] ? [] : Self.onlyOne }
        let all = Array(isDown.indices)
        switch policy {
        case .sequential: return all.filter { !isDown[$0] }
        case .random: return all.filter { !isDown[$0] }.shuffled()
        case .roundRobin:
            guard !all.isEmpty else { return [] }
            let start = next % all.count
            next = (start + 1) % all.count
            return (all[start...] + all[..<start]).filter { !isDown[$0] }
        }
    }
}
