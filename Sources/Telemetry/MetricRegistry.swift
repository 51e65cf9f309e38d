import Synchronization

/// All metrics of the process, written as Prometheus text format 0.0.4.
///
/// Every caller gets an instrument of its own; instruments of the same name and labels are summed when read.
package final class MetricRegistry: Sendable {
    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case reading(@Sendable () -> Double)
        case histogram(Histogram)
    }

    private struct Family {
        var help: String
        var type: String
        /// By the rendered label text.
        var series: [String: [Instrument]] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    package init() {}

    package func counter(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Counter {
        let counter = Counter()
        add(.counter(counter), name, help, "counter", labels)
        return counter
    }

    package func gauge(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Gauge {
        let gauge = Gauge()
        add(.gauge(gauge), name, help, "gauge", labels)
        return gauge
    }

    /// A gauge whose value is asked for when the metrics are read; a later one of the same labels replaces it.
    ///
    /// - Parameter onlyGrows: true for what is a counter.
    package func reading(
        _ name: String, _ help: String, _ labels: [(String, String)] = [], onlyGrows: Bool = false,
        _ value: @escaping @Sendable () -> Double
    ) {
        let family = Family(help: help, type: onlyGrows ? "counter" : "gauge")
        families.withLock { $0[name, default: family].series[Self.render(labels)] = [.reading(value)] }
    }

    /// Drops every series of a metric, for one whose labels say what is current.
    package func forget(_ name: String) { families.withLock { $0[name] = nil } }

    package func histogram(
        _ name: String, _ help: String, _ labels: [(String, String)] = [], bounds: [Double], unitsPerOne: Double
    ) -> Histogram {
        let histogram = Histogram(bounds: bounds, unitsPerOne: unitsPerOne)
        add(.histogram(histogram), name, help, "histogram", labels)
        return histogram
    }

    private func add(
        _ instrument: Instrument, _ name: String, _ help: String, _ type: String, _ labels: [(String, String)]
    ) {
        let key = Self.render(labels)
        families.withLock {
            $0[name, default: Family(help: help, type: type)].series[key, default: []].append(instrument)
        }
    }

    /// Everything, sorted by name and labels.
    package var text: String {
        let families = families.withLock { $0 }
        var out = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            out += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
            for (labels, instruments) in family.series.sorted(by: { $0.key < $1.key }) {
                Self.write(name, labels, instruments, to: &out)
            }
        }
        return out
    }

    private static func write(_ name: String, _ labels: String, _ instruments: [Instrument], to out: inout String) {
        var whole: UInt64 = 0
        var real = 0.0
        var isReal = false
        var histograms: [Histogram] = []
        for instrument in instruments {
            switch instrument {
            case .counter(let counter): whole &+= counter.value
            case .gauge(let gauge): (real, isReal) = (real + gauge.value, true)
            case .reading(let value): (real, isReal) = (real + value(), true)
            case .histogram(let histogram): histograms.append(histogram)
            }
        }
        guard let first = histograms.first else {
            out += "\(name)\(braced(labels)) \(isReal ? number(real) : String(whole))\n"
            return
        }
        var running: UInt64 = 0
        for index in 0...first.bounds.count {
            running = histograms.reduce(running) { $0 &+ ($1.counts.indices.contains(index) ? $1.counts[index] : 0) }
            let bound = index < first.bounds.count ? number(first.bounds[index]) : "+Inf"
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
