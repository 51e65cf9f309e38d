import Corefile
import DNSServer
import EventLoop
import Patterns
import Synchronization
import Telemetry
import Text

/// Errors that are counted and said together, once in a while (`consolidate`); of one line, for all loops.
final class Consolidation: Sendable {
    private let pattern: Pattern
    private let period: Duration
    private let level: Log.Level
    private let showsFirst: Bool
    private let count = Atomic<Int>(0)

    private static let levels: [String: Log.Level] = [
        "warning": .warning, "error": .error, "info": .info, "debug": .debug,
    ]

    init(_ line: Directive) throws(ConfigurationError) {
        try line.expectCount(2...4)
        period = try line.duration(0)
        let token = try line.argument(1, "a regular expression")
        do {
            pattern = try Pattern(token.text)
        } catch {
            throw line.error(token, expected: "a regular expression (\(error))")
        }
        var words = line.arguments.dropFirst(2)
        showsFirst = words.last?.text == "show_first"
        if showsFirst { words.removeLast() }
        let word = try words.last.map { token throws(ConfigurationError) in
            try line.oneOf(token, ["warning", "error", "info", "debug"])
        }
        level = word.flatMap { Self.levels[$0] } ?? .error
        if words.count > 1, let token = words.last {
            throw line.error(token, expected: "show_first, or nothing behind the level")
        }
    }

    func matches(_ failure: String) -> Bool { pattern.matches(Array(failure.utf8)) }

    /// Counts one more; true when it is to be said as well.
    func add(on server: LoopServer) -> Bool {
        guard count.wrappingAdd(1, ordering: .relaxed).oldValue == 0 else { return false }
        let (seconds, attoseconds) = period.components
        server.loop.schedule(
            after: UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
                &+ UInt64(clamping: attoseconds / 1_000_000_000),
            Summary(self), token: 0)
        return showsFirst
    }

    /// Says how many there were since this was said last.
    func say() {
        let found = count.exchange(0, ordering: .relaxed)
        guard found > 0 else { return }
        Log.write(
            level,
            "plugin/errors: \(found) errors like '\(pattern.text)' occurred in last \(DurationText.describe(period))")
    }

    private final class Summary: TimerTarget {
        private let errors: Consolidation

        init(_ errors: Consolidation) { self.errors = errors }

        func timerFired(_ token: UInt64) { errors.say() }
    }
}
