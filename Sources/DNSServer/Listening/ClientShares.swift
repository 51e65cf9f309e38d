package import EventLoop

/// What each client may have of a socket that is asked more than can be answered.
///
/// Shares are max-min fair: who asks less than the others is served whole, and what is left is divided equally among those
/// who ask more. Pure: it counts, and says what is to be dropped.
package struct ClientShares {
    /// Received of each client since `begin`; its port does not matter.
    private var received: [SocketAddress: Int] = [:]
    package private(set) var total = 0
    private var begun: UInt64 = 0
    /// The part of each limited client's datagrams that stays.
    private var kept: [SocketAddress: Double] = [:]
    /// Datagrams a second that a limited client sent lately; it fades by half, so a pause lets no flood in again.
    private var demands: [SocketAddress: Double] = [:]
    /// Datagrams a second that were answered while more were waiting.
    private var capacity = 0.0
    /// More clients than these are not told apart: nobody of them asks much.
    private static let mostClients = 4096
    /// The parts of the capacity that are given out: little while the queue is long, then nearly all.
    private static let (usedInFlood, used) = (0.5, 0.9)
    /// Until when somebody is known to ask who asks less than the greedy.
    private var protects: UInt64 = 0
    /// Nanoseconds for which a client that asked little is remembered: in a flood few of its datagrams get through.
    private static let memory: UInt64 = 10_000_000_000
    /// Fewer datagrams than these do not show that a client is greedy.
    private static let evidence = 16
    /// Seconds for which others may wait behind what a limited client still gets, and datagrams that say nothing yet.
    private static let (longestWait, fewest) = (0.002, 2.0)
    /// How much more is tried each time that nearly nothing waited, and how much less where something did.
    private static let (growth, reduction) = (1.005, 0.9)

    package init() {}

    /// Begins to count anew.
    package mutating func begin(at now: UInt64) {
        received.removeAll(keepingCapacity: true)
        total = 0
        begun = now
    }

    package mutating func count(_ peer: SocketAddress) {
        total += 1
        var client = peer
        client.port = 0
        if received.count < Self.mostClients || received[client] != nil { received[client, default: 0] += 1 }
    }

    /// True when somebody asks beside the one that asks most.
    package func hasOthers(at now: UInt64) -> Bool { received.count > 1 || now < protects }

    /// The shares where more came than could be answered since `begin`.
    ///
    /// - Parameters:
    ///   - now: nanoseconds of the loop's clock.
    ///   - unseen: datagrams that came beside those counted: dropped, or waiting still.
    package mutating func whenFlooded(at now: UInt64, unseen: Int) -> SourceFilter {
        divide(at: now, used: Self.usedInFlood, scale: scale(unseen)) { rate, _ in rate }
    }

    /// How many datagrams passed the limits for each that was counted.
    private func scale(_ unseen: Int) -> Double {
        guard total > 0 else { return 1 }
        // Of what was dropped, limits dropped this part of all that passed them.
        let byLimits = kept.reduce(0) { $0 + Double(received[$1.key, default: 0]) * (1 / $1.value - 1) }
        return max(1, Double(total + unseen) / (Double(total) + byLimits))
    }

    /// The shares where all that came since `begin` was answered.
    ///
    /// - Parameter waiting: datagrams that wait: where they take longer than they should, less is given out.
    package mutating func whenCalm(at now: UInt64, waiting: Int = 0) -> SourceFilter {
        divide(at: now, used: Self.used, scale: 1) { _, capacity in
            capacity * (Double(waiting) > max(Self.fewest, capacity * Self.longestWait) ? Self.reduction : Self.growth)
        }
    }

    /// - Parameters:
    ///   - used: the part of the capacity that is given out.
    ///   - scale: datagrams for each that was counted.
    ///   - estimate: the capacity, from what came in a second and what it was thought to be.
    private mutating func divide(
        at now: UInt64, used: Double, scale: Double, _ estimate: (_ rate: Double, _ capacity: Double) -> Double
    ) -> SourceFilter {
        let seconds = max(Double(now &- begun), 1) / 1e9
        capacity = estimate(Double(total) / seconds, capacity)
        var latest = demands.mapValues { $0 / 2 }
        for (client, count) in received {
            let demand = Double(count) * scale / seconds / kept[client, default: 1]
            latest[client] = max(demand, latest[client, default: 0])
        }
        let share = Self.share(of: latest.values.sorted(), within: capacity * used)
        if let share, latest.values.contains(where: { $0 <= share }) { protects = now &+ Self.memory }
        // Without anybody who asks less, dropping would help nobody.
        guard let share, now < protects else {
            (kept, demands) = ([:], [:])
            return SourceFilter([])
        }
        let isShown = Set(received.filter { $0.value >= Self.evidence }.keys).union(kept.keys)
        let greedy = latest.filter { $0.value > share && isShown.contains($0.key) }
            .sorted { $0.value > $1.value }.prefix(SourceFilter.mostRules)
        kept = Dictionary(uniqueKeysWithValues: greedy.map { ($0.key, share / $0.value) })
        demands = Dictionary(uniqueKeysWithValues: greedy.map { ($0.key, $0.value) })
        return SourceFilter(greedy.map { SourceFilter.Rule($0.key, kept: share / $0.value) })
    }

    /// The most that one client may have; nil where there is enough for all.
    ///
    /// - Parameter demands: ascending.
    private static func share(of demands: [Double], within capacity: Double) -> Double? {
        var (left, clients) = (capacity, Double(demands.count))
        for demand in demands {
            if demand > left / clients { return left / clients }
            left -= demand
            clients -= 1
        }
        return nil
    }

    /// The client that asks most, and of its datagrams the part that is dropped; nil where nobody is limited.
    package var greediest: (client: SocketAddress, perSecond: Double, dropped: Double)? {
        demands.max { $0.value < $1.value }.map { ($0.key, $0.value, 1 - kept[$0.key, default: 1]) }
    }
}
