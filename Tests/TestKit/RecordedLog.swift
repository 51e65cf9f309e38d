import Synchronization
package import Telemetry

/// What the process has logged: one log for all tests, each of which looks for lines of its own.
package enum RecordedLog {
    private static let recorded = Mutex<[String]>([])
    private static let isInstalled: Bool = {
        Log.install(Recorder())
        return true
    }()

    private final class Recorder: LogSink {
        func write(_ octets: borrowing [UInt8], lines: Int) {
            let arrived = String(decoding: copy octets, as: UTF8.self).split(separator: "\n").map(String.init)
            recorded.withLock { $0 += arrived }
        }
    }

    /// Records from now on.
    package static func begin() { _ = isInstalled }

    /// The lines that have this in them, oldest first.
    package static func lines(with mark: String) -> [String] { recorded.withLock { $0 }.filter { $0.contains(mark) } }
}
