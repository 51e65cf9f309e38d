/// In which order the upstreams of one line are tried for one question.
struct UpstreamChoice {
    private let policy: ForwardSettings.Policy
    private var next = 0
    /// Of a single upstream, as most lines have it, nothing is put in order, or allocated.
    private static let onlyOne = [0]

    init(_ policy: ForwardSettings.Policy) { self.policy = policy }

    /// - Parameters:
    ///   - count: how many upstreams there are.
    ///   - isDown: whether probes of one of them fail.
    /// - Returns: positions of upstreams that are not down, in the order to try them; empty when all are.
    mutating func order(_ count: Int, isDown: (Int) -> Bool) -> [Int] {
        guard count > 1 else { return count == 0 || isDown(0) ? [] : Self.onlyOne }
        let all = 0..<count
        switch policy {
        case .sequential: return all.filter { !isDown($0) }
        case .random: return all.filter { !isDown($0) }.shuffled()
        case .roundRobin:
            let start = next % count
            next = (start + 1) % count
            return (Array(all[start...]) + all[..<start]).filter { !isDown($0) }
        }
    }
}
