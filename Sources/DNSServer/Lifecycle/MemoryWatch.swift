import Telemetry

/// Looks at the memory of this process every now and then, and has its budget kept.
package struct MemoryWatch {
    private let budget: MemoryBudget
    /// Returns what is free to the system: without it the memory would stay with the process.
    private let trim: () -> Void
    private var grownAt: UInt64 = 0
    private var trimmedAt: UInt64 = 0
    private var episode: Episode?

    /// From the first time that memory is not ample until it has been for `calm`: each level is said once.
    private struct Episode {
        var worst = MemoryLevel.ample
        var ampleSince: UInt64?
        /// What was counted before.
        let evictions: UInt64
        let shed: UInt64
    }

    private static let second: UInt64 = 1_000_000_000
    private static let calm = 60 * second
    /// Between two returns of memory while nobody has anything to give up.
    private static let trimPause = 10 * second
    private static let shortestPause = second / 10
    /// Octets a second that memory grows by at most, as far as it is looked at in time: twice what a core can cache.
    private static let fastestGrowth = 100_000_000

    package init(_ budget: MemoryBudget, trim: @escaping () -> Void) {
        self.budget = budget
        self.trim = trim
    }

    /// Acts on what is seen now.
    ///
    /// - Parameters:
    ///   - resident: octets.
    ///   - octets: the budget; nil for none.
    ///   - now: monotonic nanoseconds.
    /// - Returns: nanoseconds after which to look again.
    package mutating func look(resident: Int, budget octets: Int?, now: UInt64) -> UInt64 {
        guard let octets else {
            budget.set(.ample, of: 0)
            return 10 * Self.second
        }
        let before = budget.level
        let level = before.next(resident: resident, budget: octets)
        budget.set(level, of: octets)
        say(level, resident, octets, now)
        if resident >= MemoryLevel.tight.begin(in: octets) {
            reduce(hasRisen: level.rawValue > before.rawValue, now)
        } else if level == .ample, now &- grownAt >= Self.second {
            grownAt = now
            budget.letGrow()
        }
        return pause(resident, octets)
    }

    private mutating func reduce(hasRisen: Bool, _ now: UInt64) {
        let givenUp = budget.giveUpHalf(now: now)
        guard givenUp > 0 || hasRisen || now &- trimmedAt >= Self.trimPause else { return }
        trimmedAt = now
        trim()
    }

    /// The nearer the budget is, the sooner.
    private func pause(_ resident: Int, _ octets: Int) -> UInt64 {
        let room = UInt64(max(0, MemoryLevel.tight.begin(in: octets) - resident))
        return max(Self.shortestPause, min(Self.second, room * 1000 / UInt64(Self.fastestGrowth / 1_000_000)))
    }

    // MARK: What is said

    private mutating func say(_ level: MemoryLevel, _ resident: Int, _ octets: Int, _ now: UInt64) {
        guard level != .ample else { return sayEnd(now) }
        var episode = episode ?? Episode(evictions: budget.evictions.value, shed: budget.shed.value)
        episode.ampleSince = nil
        if level.rawValue > episode.worst.rawValue {
            episode.worst = level
            Log.warning("memory: \(resident >> 20) of \(octets >> 20) MiB are in use: \(Self.meaning(level))")
        }
        self.episode = episode
    }

    private static func meaning(_ level: MemoryLevel) -> String {
        let remedy = "raise the container's memory limit, or --memory-budget where that is given"
        return switch level {
        case .ample: "all is kept"
        case .tight:
            "kept replies are given up, those that nobody asked for again first; if that happens often, \(remedy), or "
                + "lower the capacities of cache"
        case .short:
            "only \(Chain.placesWhenShort) queries on each core wait for upstreams, others are SERVFAIL; names of the "
                + "cluster are answered as ever; \(remedy)"
        }
    }

    private mutating func sayEnd(_ now: UInt64) {
        guard let since = episode?.ampleSince else {
            episode?.ampleSince = now
            return
        }
        guard let ended = episode, now &- since >= Self.calm else { return }
        episode = nil
        Log.info(
            "memory: there is enough again; \(budget.evictions.value &- ended.evictions) kept replies were given up, "
                + "\(budget.shed.value &- ended.shed) queries were not asked upstream")
    }
}
