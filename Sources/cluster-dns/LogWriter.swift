import CLinux
import EventLoop
import Glibc
import Synchronization
import Telemetry

/// Writes log lines on a thread of its own, so that a stalled pipe can never hold up an answer.
final class LogWriter: LogSink {
    private struct Waiting {
        /// Whole lines.
        var octets: [UInt8] = []
        /// Lines without a place since some were written last.
        var dropped = 0
        /// The thread waits for the bell.
        var isAsleep = false
    }

    private enum Outcome {
        case done
        /// Nobody read in time, or the file had no room; what is left of the octets is written later.
        case late
        /// Nobody can read the rest any more.
        case lost
    }

    private let waiting = Mutex(Waiting())
    /// What is being written; held by whoever writes, so that batches keep their order.
    private let output = Mutex<[UInt8]>([])
    private let bell: Int32
    private let dropped: Counter
    /// Octets that may wait for a slow reader: seconds of a busy server's lines.
    private static let most = 4 << 20
    /// Octets of memory that are kept for the next lines.
    private static let kept = 1 << 20
    /// Lines of so many microseconds are written together: who reads a log does not see less time, and a busy server
    /// neither rings nor writes for each.
    private static let pause: UInt32 = 10_000
    /// Microseconds until a file without room, as on a full disk, is tried again; lines wait as for a slow reader.
    private static let fullPause: UInt32 = 500_000
    /// How long the last lines are waited for when the process ends.
    private static let lastPatience = 1000

    init(_ metrics: MetricRegistry) {
        bell = eventfd(0, Int32(EFD_CLOEXEC))
        dropped = metrics.counter(
            "coredns_log_dropped_lines_total",
            "Counter of log lines dropped because standard output was too slow or full.")
    }

    /// Sends the log of the whole process to standard output.
    func install() throws(SystemError) {
        try LoopThread.run { [self] in run() }
        Log.install(self)
    }

    func write(_ octets: borrowing [UInt8], lines: Int) {
        let count = octets.count
        let wake = waiting.withLock { waiting in
            guard waiting.octets.count + count <= Self.most else {
                waiting.dropped += lines
                dropped.add(UInt64(lines))
                return false
            }
            waiting.octets += octets
            defer { waiting.isAsleep = false }
            return waiting.isAsleep
        }
        if wake { ring() }
    }

    private func ring() {
        var one: UInt64 = 1
        _ = unsafe Glibc.write(bell, &one, 8)
    }

    private func run() {
        while true {
            switch output.withLock({ writeNext(&$0, patience: -1) }) {
            case .late: _ = usleep(Self.fullPause)
            case .some: _ = usleep(Self.pause)
            case .none:
                var count: UInt64 = 0
                _ = unsafe read(bell, &count, 8)
            }
        }
    }

    /// Writes what waits; nil when that is nothing, and the bell rings for the next line.
    private func writeNext(_ octets: inout [UInt8], patience: Int) -> Outcome? {
        guard !octets.isEmpty || take(&octets) else { return nil }
        let outcome = Self.output(&octets, patience: patience)
        if outcome == .lost {
            dropped.add(UInt64(octets.count { $0 == UInt8(ascii: "\n") }))
            octets.removeAll(keepingCapacity: true)
        }
        return outcome
    }

    /// Moves what waits into `octets`; false when that is nothing, and the bell rings for the next line.
    private func take(_ octets: inout [UInt8]) -> Bool {
        if octets.capacity > Self.kept { octets = [] }
        octets.removeAll(keepingCapacity: true)
        let dropped = waiting.withLock { waiting in
            swap(&waiting.octets, &octets)
            waiting.isAsleep = octets.isEmpty && waiting.dropped == 0
            defer { waiting.dropped = 0 }
            return waiting.dropped
        }
        if dropped > 0 {
            octets += Array("[WARNING] \(dropped) log lines were dropped: standard output is too slow or full\n".utf8)
        }
        return !octets.isEmpty
    }

    /// Writes what waits before the process ends; gives up when nobody reads.
    func flush() {
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(Self.lastPatience)
        while clock.now < end {
            switch output.withLockIfAvailable({ writeNext(&$0, patience: Self.lastPatience) }) {
            case .some(.some(.done)): continue
            case .some: return
            case .none: _ = usleep(Self.pause)
            }
        }
    }

    /// Writes `octets` and takes away what is written.
    ///
    /// - Parameter patience: milliseconds to wait for a reader, -1 for ever.
    private static func output(_ octets: inout [UInt8], patience: Int) -> Outcome {
        var place = 0
        defer { octets.removeSubrange(..<place) }
        while place < octets.count {
            var wanted = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
            guard unsafe patience < 0 || poll(&wanted, 1, Int32(patience)) > 0 else { return .late }
            // What a pipe that can be written to takes at once (pipe(7), PIPE_BUF), so that the limit holds.
            let part = patience < 0 ? octets[place...] : octets[place...].prefix(4096)
            let count = unsafe part.withUnsafeBufferPointer { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
            if count > 0 {
                place += count
                continue
            }
            switch errno {
            case EINTR: continue
            // Standard output may be non-blocking: whoever has its other end decides.
            case EAGAIN:
                guard unsafe poll(&wanted, 1, Int32(patience)) > 0 else { return .late }
            case ENOSPC, EDQUOT: return .late
            default: return .lost
            }
        }
        return .done
    }
}
