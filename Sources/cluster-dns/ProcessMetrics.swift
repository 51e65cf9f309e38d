import EventLoop
import Glibc
import Telemetry

/// The `process_*` metrics that dashboards of every exporter use.
enum ProcessMetrics {
    static func register(_ metrics: MetricRegistry) {
        let start = Double(time(nil))
        metrics.reading("process_start_time_seconds", "Start time of the process since unix epoch in seconds.") {
            start
        }
        metrics.reading("process_resident_memory_bytes", "Resident memory size in bytes.") {
            Double(Heap.residentOctets)
        }
        metrics.reading(
            "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", onlyGrows: true
        ) { cpuSeconds }
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
