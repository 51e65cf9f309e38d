/// How near the memory of this process is to its budget.
package enum MemoryLevel: Int, Sendable {
    /// Everything is kept that settings allow.
    case ample
    /// What can be had again is given up.
    case tight
    /// Beside that, few questions only wait for the network.
    case short

    /// Percent of the budget at which a level begins.
    private var begin: Int {
        switch self {
        case .ample: 0
        case .tight: 85
        case .short: 95
        }
    }
    /// Percent below its beginning at which a level ends, so that it does not come and go with every answer.
    private static let margin = 5

    /// Octets at which this level begins.
    package func begin(in budget: Int) -> Int { budget / 100 * begin }

    /// The level after this one, once so many octets are in use.
    package func next(resident: Int, budget: Int) -> MemoryLevel {
        let lasting = [MemoryLevel.short, .tight].first { level in
            let isHeld = level.rawValue <= rawValue
            return resident >= budget / 100 * (level.begin - (isHeld ? Self.margin : 0))
        }
        return lasting ?? .ample
    }
}
