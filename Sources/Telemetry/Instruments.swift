import Synchronization

/// A number that only grows. `bump` has one writing loop; `add` may be called from anywhere.
package final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)

    package init() {}

    package var value: UInt64 { count.load(ordering: .relaxed) }

    /// Adds one; for the one loop that owns this counter.
    package func bump() {
        count.store(count.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    package func add(_ amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
}

/// A number that goes up and down.
package final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    package init() {}

    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
}

/// Observations counted by upper bounds; one writing loop.
package final class Histogram: Sendable {
    /// Upper bounds in the metric's unit, ascending; the last bucket has none.
    package let bounds: [Double]
    private let limits: [UInt64]
    private let unitsPerOne: Double
    private let buckets: InlineArray<24, Atomic<UInt64>> = InlineArray { _ in Atomic(0) }
    private let sum = Atomic<UInt64>(0)

    /// - Parameter unitsPerOne: how many observed units make one of the metric: 1e9 for nanoseconds shown in seconds.
    package init(bounds: [Double], unitsPerOne: Double) {
        self.bounds = Array(bounds.prefix(23))
        self.unitsPerOne = unitsPerOne
        limits = self.bounds.map { UInt64($0 * unitsPerOne) }
    }

    package func observe(_ amount: UInt64) {
        var index = 0
        while index < limits.count, amount > limits[index] { index += 1 }
        buckets[index].store(buckets[index].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        sum.store(sum.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Counts of each bucket by itself, the unbounded one last.
    package var counts: [UInt64] { (0...bounds.count).map { buckets[$0].load(ordering: .relaxed) } }

    package var total: Double { Double(sum.load(ordering: .relaxed)) / unitsPerOne }

    /// 0.00025 · 2^k seconds, k from 0 to 15: CoreDNS' "TimeBuckets".
    package static let timeBounds = (0..<16).map { 0.00025 * Double(1 << $0) }
    /// 0.00025 · 10^k seconds, k from 0 to 4: CoreDNS' "SlimTimeBuckets".
    package static let slimTimeBounds = [0.00025, 0.0025, 0.025, 0.25, 2.5]
    /// Octets: CoreDNS' size buckets.
    package static let sizeBounds: [Double] = [
        0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000,
    ]
}
