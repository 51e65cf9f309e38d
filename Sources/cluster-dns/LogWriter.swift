import CLinux
import Glibc
import Synchronization
import Telemetry

/// Writes log lines on a thread of its own, so that a stalled pipe can never hold up an answer.
final class LogWriter: Sendable {
    private struct Waiting {
        var lines: [String] = []
        var dropped = 0
    }

    private let waiting = Mutex(Waiting())
    private let bell: Int32
    private static let mostLines = 10_000

    init() {
        bell = eventfd(0, Int32(EFD_CLOEXEC))
    }

    /// Sends the log of the whole process to standard output.
    func install() {
        Log.install { [self] line in add(line) }
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

    private func add(_ line: String) {
        let wake = waiting.withLock { waiting in
            guard waiting.lines.count < Self.mostLines else {
                waiting.dropped += 1
                return false
            }
            waiting.lines.append(line)
            return waiting.lines.count == 1
        }
        if wake { ring() }
    }

    private func ring() {
        var one: UInt64 = 1
        _ = unsafe write(bell, &one, 8)
    }

    private func run() {
        while true {
            var count: UInt64 = 0
            _ = unsafe read(bell, &count, 8)
            flush()
        }
    }

    /// Writes what waits; also called last of all before the process ends.
    func flush() {
        let taken = waiting.withLock { waiting in
            defer { waiting = Waiting() }
            return waiting
        }
        var text = taken.lines.map { $0 + "\n" }.joined()
        if taken.dropped > 0 {
            text += "[WARNING] \(taken.dropped) log lines were dropped: standard output is too slow\n"
        }
        var octets = Array(text.utf8)[...]
        while !octets.isEmpty {
            let count = unsafe octets.withUnsafeBufferPointer { unsafe write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            octets = octets.dropFirst(count)
        }
    }
}
