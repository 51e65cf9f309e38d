import EventLoop
package import Telemetry

/// Log lines about the queries of one loop: written as octets, and handed over together when a turn of the loop ends.
package struct LoopLog {
    private let lines: TurnBuffer

    init(_ loop: EventLoop) { lines = TurnBuffer(loop) { Log.write($0, lines: $1) } }

    /// - Parameter write: appends the text, without a newline; one in it would be another line.
    package func line(_ level: Log.Level, _ write: (inout [UInt8]) -> Void) {
        lines.add { octets in
            octets.append(UInt8(ascii: "["))
            octets.append(contentsOf: level.rawValue.utf8)
            octets.append(UInt8(ascii: "]"))
            octets.append(UInt8(ascii: " "))
            write(&octets)
            octets.append(UInt8(ascii: "\n"))
        }
    }
}
