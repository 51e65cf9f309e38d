import Synchronization

/// All metrics of the process, written as Prometheus text format 0.0.4.
///
/// Every caller gets an instrument of its own; instruments of the same name and labels are summed when read. What its
/// holder has given up counts on for the next that asks, so that a configuration that is read a thousand times leaves
/// no more behind than one that is read twice.
package final class MetricRegistry: Sendable {
    private struct WeakGauge {
        weak var gauge: Gauge?
    }

    /// All instruments of one name and one set of labels.
    private struct Series {
        var counters: [Counter] = []
        var histograms: [Histogram] = []
        /// A gauge shows what is: it goes with its holder.
        var gauges: [WeakGauge] = []
        /// The last that has something to read is shown: a configuration that is given up before it serves leaves the
        /// one before it.
        var readings: [@Sendable () -> Double?] = []
    }

    private struct Family {
        var help: String
        var type: String
        /// By the rendered label text.
        var series: [String: Series] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    package init() {}

    package func counter(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Counter {
        withSeries(name, help, "counter", labels) { series in
            if let free = Self.unheld(&series.counters) { return free }
            let counter = Counter()
            series.counters.append(counter)
            return counter
        }
    }

    package func gauge(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Gauge {
        withSeries(name, help, "gauge", labels) { series in
            let gauge = Gauge()
            series.gauges.removeAll { $0.gauge == nil }
            series.gauges.append(WeakGauge(gauge: gauge))
            return gauge
        }
    }

    /// A gauge whose value is asked for when the metrics are read; a later one of the same labels is shown in its place
    /// for as long as it has something to read.
    ///
    /// - Parameters:
    ///   - onlyGrows: true for what is a counter.
    ///   - value: gives nil once what it reads is gone.
    package func reading(
        _ name: String, _ help: String, _ labels: [(String, String)] = [], onlyGrows: Bool = false,
        _ value: @escaping @Sendable () -> Double?
    ) {
        withSeries(name, help, onlyGrows ? "counter" : "gauge", labels) { series in
            series.readings.removeAll { $0() == nil }
            series.readings.append(value)
        }
    }

    /// A gauge that reads an object for as long as somebody else holds it.
    package func reading<Subject: AnyObject & Sendable>(
        _ name: String, _ help: String, _ labels: [(String, String)] = [], of subject: Subject,
        _ value: @escaping @Sendable (Subject) -> Double
    ) {
        reading(name, help, labels) { [weak subject] in subject.map(value) }
    }

    package func histogram(
        _ name: String, _ help: String, _ labels: [(String, String)] = [], bounds: [Double], unitsPerOne: Double
    ) -> Histogram {
        withSeries(name, help, "histogram", labels) { series in
            if let free = Self.unheld(&series.histograms) { return free }
            let histogram = Histogram(bounds: bounds, unitsPerOne: unitsPerOne)
            series.histograms.append(histogram)
            return histogram
        }
    }

    private func withSeries<Result: Sendable>(
        _ name: String, _ help: String, _ type: String, _ labels: [(String, String)],
        _ body: (inout Series) -> Result
    ) -> Result {
        let key = Self.render(labels)
        return families.withLock {
            body(&$0[name, default: Family(help: help, type: type)].series[key, default: Series()])
        }
    }

    /// One that only the registry holds: nobody counts with it any more, and nobody else can begin to.
    private static func unheld<Instrument: AnyObject>(_ instruments: inout [Instrument]) -> Instrument? {
        for index in instruments.indices where isKnownUniquelyReferenced(&instruments[index]) {
            // What its last holder counted is seen before another counts on.
            atomicMemoryFence(ordering: .acquiring)
            return instruments[index]
        }
        return nil
    }

    /// Everything, sorted by name and labels.
    package var text: String {
        let families = families.withLock { $0 }
        var out = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            var lines = ""
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                Self.write(name, labels, series, to: &lines)
            }
            if lines.isEmpty { continue }
            out += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n\(lines)"
        }
        return out
    }

    private static func write(_ name: String, _ labels: String, _ series: Series, to out: inout String) {
        if let first = series.histograms.first {
            return write(name, labels, series.histograms, bounds: first.bounds, to: &out)
        }
        let values =
            series.gauges.compactMap { $0.gauge?.value }
            + (series.readings.lazy.reversed().compactMap { $0() }.first.map { [$0] } ?? [])
        if !values.isEmpty {
            out += "\(name)\(braced(labels)) \(number(values.reduce(0, +)))\n"
        } else if !series.counters.isEmpty {
            out += "\(name)\(braced(labels)) \(series.counters.reduce(0) { $0 &+ $1.value })\n"
        }
    }

    private static func write(
        _ name: String, _ labels: String, _ histograms: [Histogram], bounds: [Double], to out: inout String
    ) {
        var running: UInt64 = 0
        for index in 0...bounds.count {
            running = histograms.reduce(running) { $0 &+ ($1.counts.indices.contains(index) ? $1.counts[index] : 0) }
            let bound = index < bounds.count ? number(bounds[index]) : "+Inf"
            let separator = labels.isEmpty ? "" : ","
            out += "\(name)_bucket{\(labels)\(separator)le=\"\(bound)\"} \(running)\n"
        }
        out += "\(name)_sum\(braced(labels)) \(number(histograms.reduce(0) { $0 + $1.total }))\n"
        out += "\(name)_count\(braced(labels)) \(running)\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    private static func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

    private static func render(_ labels: [(String, String)]) -> String {
        labels.map { "\($0.0)=\"\(escape($0.1))\"" }.joined(separator: ",")
    }

    private static func escape(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.append(character)
            }
        }
        return out
    }
}
