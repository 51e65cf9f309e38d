import Synchronization

/// Leveled log lines in CoreDNS' form: `[INFO] plugin/name: text`, no time stamp.
///
/// The program installs where lines go; until then they are dropped.
package enum Log {
    package enum Level: String, Sendable, CaseIterable {
        case debug = "DEBUG"
        case info = "INFO"
        case warning = "WARNING"
        case error = "ERROR"
    }

    // An object: a closure would be wrapped anew, in memory of its own, each time it is read.
    private static let sink = Mutex<(any LogSink)?>(nil)
    private static let showsDebug = Atomic<Bool>(false)

    package static func install(_ new: any LogSink) { sink.withLock { $0 = new } }

    package static func showDebug(_ shows: Bool) { showsDebug.store(shows, ordering: .relaxed) }

    package static func debug(_ text: @autoclosure () -> String) {
        if showsDebug.load(ordering: .relaxed) { write(.debug, text()) }
    }

    package static func info(_ text: String) { write(.info, text) }
    package static func warning(_ text: String) { write(.warning, text) }
    package static func error(_ text: String) { write(.error, text) }

    package static func write(_ level: Level, _ text: String) {
        write(Array("[\(level.rawValue)] \(text)\n".utf8), lines: 1)
    }

    /// Writes lines that are made up already.
    package static func write(_ octets: borrowing [UInt8], lines: Int) {
        sink.withLock { $0 }?.write(octets, lines: lines)
    }
}

/// Where log lines go.
package protocol LogSink: AnyObject, Sendable {
    /// Must not block.
    ///
    /// - Parameter octets: whole lines with their newlines, as UTF-8.
    func write(_ octets: borrowing [UInt8], lines: Int)
}

/// Lets one line of a class through an interval and counts those it held back.
package struct LogLimit {
    private let interval: UInt64
    private var nextAllowed: UInt64 = 0
    private var held: UInt64 = 0

    /// - Parameter interval: nanoseconds between two lines.
    package init(interval: UInt64) { self.interval = interval }

    /// How many lines were held back since the last one, or nil when this one is to be held back too.
    package mutating func admit(now: UInt64) -> UInt64? {
        guard now >= nextAllowed else {
            held &+= 1
            return nil
        }
        nextAllowed = now &+ interval
        defer { held = 0 }
        return held
    }
}
