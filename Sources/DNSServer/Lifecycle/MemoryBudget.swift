import Synchronization
package import Telemetry

/// Keeps what can be had again, and gives it up when memory is wanted elsewhere.
package protocol MemoryHolder: AnyObject, Sendable {
    /// Gives up half of it, what is least useful first, and keeps no more than the other half from now on.
    ///
    /// - Parameter now: monotonic nanoseconds.
    /// - Returns: how many pieces went; 0 when so little is kept that none of it goes.
    func giveUpHalf(now: UInt64) -> Int
    /// May keep somewhat more again, up to its settings; called once a second while memory is ample.
    func mayGrow()
}

/// The memory that this process is to stay within, for those who would use more of it.
///
/// `MemoryWatch` compares it with what is resident and sets the level; whoever looks at that pays one relaxed load.
package final class MemoryBudget: Sendable {
    private struct Registered: Sendable {
        weak let holder: (any MemoryHolder)?
    }

    private let current = Atomic<Int>(MemoryLevel.ample.rawValue)
    private let holders = Mutex<[Registered]>([])
    /// Kept pieces given up, and questions that did not wait for the network, because memory was wanted.
    let evictions: Counter
    let shed: Counter
    private let octets: Gauge

    package init(_ metrics: MetricRegistry) {
        octets = metrics.gauge(
            "coredns_memory_budget_bytes", "Resident memory to stay within, in bytes; 0 without a budget.")
        evictions = metrics.counter(
            "coredns_memory_evictions_total", "Counter of kept replies given up because memory was short.")
        shed = metrics.counter(
            "coredns_memory_shed_total", "Counter of queries that were not asked upstream because memory was short.")
        metrics.reading(
            "coredns_memory_level",
            "How near memory is to the budget: 0 ample, 1 kept replies are given up, 2 upstream queries are shed, too."
        ) { [weak self] in Double(self?.level.rawValue ?? 0) }
    }

    package var level: MemoryLevel { MemoryLevel(rawValue: current.load(ordering: .relaxed)) ?? .ample }

    /// True while only few queries may wait for the network.
    package var isShort: Bool { current.load(ordering: .relaxed) == MemoryLevel.short.rawValue }

    /// - Parameter budget: octets; 0 for none.
    package func set(_ level: MemoryLevel, of budget: Int) {
        current.store(level.rawValue, ordering: .relaxed)
        octets.set(Double(budget))
    }

    /// Makes `holder` one of those who give up memory, for as long as it exists.
    package func register(_ holder: any MemoryHolder) {
        holders.withLock { holders in
            holders.removeAll { $0.holder == nil || $0.holder === holder }
            holders.append(Registered(holder: holder))
        }
    }

    /// One more query was not asked upstream.
    package func countShed() { shed.add() }

    private var present: [any MemoryHolder] { holders.withLock { $0.compactMap(\.holder) } }

    /// Has everybody give up half of what they keep; gives how many pieces that were.
    func giveUpHalf(now: UInt64) -> Int {
        let count = present.reduce(0) { $0 + $1.giveUpHalf(now: now) }
        evictions.add(UInt64(count))
        return count
    }

    func letGrow() {
        for holder in present { holder.mayGrow() }
    }
}
