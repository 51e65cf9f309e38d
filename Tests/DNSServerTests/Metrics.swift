import Telemetry
import Testing

/// What one configuration counted is there after the next one was read, and a thousand of them take no more room.
@Suite struct Metrics {
    let metrics = MetricRegistry()

    @Test func whatWasGivenUpCountsOnForTheNext() {
        for _ in 0..<1000 { metrics.counter("questions_total", "All.", [("zone", ".")]).add() }
        #expect(
            metrics.text == """
                # HELP questions_total All.
                # TYPE questions_total counter
                questions_total{zone="."} 1000

                """)
        let last = ObjectIdentifier(metrics.counter("questions_total", "All.", [("zone", ".")]))
        #expect(ObjectIdentifier(metrics.counter("questions_total", "All.", [("zone", ".")])) == last)
    }

    @Test func whatIsHeldIsNotGivenToAnother() {
        let (one, two) = (metrics.counter("a_total", "A."), metrics.counter("a_total", "A."))
        one.add(2)
        two.add(3)
        #expect((one.value, two.value) == (2, 3))
        #expect(metrics.text.contains("a_total 5\n"))
    }

    @Test func histogramsKeepWhatWasObserved() {
        var seen: Set<ObjectIdentifier> = []
        for amount in 1...10 {
            let histogram = metrics.histogram("size", "Octets.", bounds: [5], unitsPerOne: 1)
            histogram.observe(UInt64(amount))
            seen.insert(ObjectIdentifier(histogram))
        }
        #expect(seen.count == 1)
        #expect(
            metrics.text.contains("size_bucket{le=\"5\"} 5\nsize_bucket{le=\"+Inf\"} 10\nsize_sum 55\nsize_count 10\n"))
    }

    @Test func aGaugeGoesWithItsHolder() {
        let kept = metrics.gauge("entries", "Kept.")
        kept.set(3)
        do {
            let gone = metrics.gauge("entries", "Kept.")
            gone.set(4)
            #expect(metrics.text.contains("entries 7\n"))
            withExtendedLifetime(gone) {}
        }
        #expect(metrics.text.contains("entries 3\n"))
        withExtendedLifetime(kept) {}
    }

    @Test func aReadingDoesNotKeepWhatItReads() {
        final class Store: Sendable { let count = 7.0 }
        var store: Store? = Store()
        weak let watched = store
        metrics.reading("kept", "Kept.", of: store!) { $0.count }
        #expect(metrics.text.contains("kept 7\n"))
        store = nil
        #expect(watched == nil)
        #expect(metrics.text.isEmpty)
    }
}
