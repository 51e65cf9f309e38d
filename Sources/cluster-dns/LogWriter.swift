import CLinux
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

    private let waiting = Mutex(Waiting())
    /// Held by whoever writes, so that batches keep their order.
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
    /// How long the last lines are waited for when the process ends.
    private static let lastPatience = 1000

    init(_ metrics: MetricRegistry) {
        bell = eventfd(0, Int32(EFD_CLOEXEC))
        dropped = metrics.counter(
            "coredns_log_dropped_lines_total", "Counter of log lines dropped because standard output was too slow.")
    }

    /// Sends the log of the whole process to standard output.
    func install() {
        Log.install(self)
        let start = unsafe Unmanaged.passRetained(self)
        var thread = pthread_t()
        _ = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<LogWriter>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, start.toOpaque())
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
            if output.withLock({ take(&$0) && Self.output($0, patience: -1) }) {
                _ = usleep(Self.pause)
            } else {
                var count: UInt64 = 0
                _ = unsafe read(bell, &count, 8)
            }
        }
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
            octets += Array("[WARNING] \(dropped) log lines were dropped: standard output is too slow\n".utf8)
        }
        return !octets.isEmpty
    }

    /// Writes what waits before the process ends; gives up when nobody reads.
    func flush() {
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(Self.lastPatience)
        while clock.now < end {
            let isDone = output.withLockIfAvailable { take(&$0) ? Self.output($0, patience: Self.lastPatience) : true }
            if isDone != nil { return }
            _ = usleep(Self.pause)
        }
    }

    /// - Parameter patience: milliseconds to wait for a reader, -1 for ever.
    /// - Returns: true once all of it is written, or nobody can read it any more.
    private static func output(_ octets: [UInt8], patience: Int) -> Bool {
        var rest = octets[...]
        while !rest.isEmpty {
            var wanted = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
            let isReady = unsafe patience < 0 || poll(&wanted, 1, Int32(patience)) > 0
            guard isReady else { return false }
            // What a pipe that can be written to takes at once (pipe(7), PIPE_BUF), so that the limit holds.
            let part = patience < 0 ? rest : rest.prefix(4096)
            let count = unsafe part.withUnsafeBufferPointer { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return true }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
