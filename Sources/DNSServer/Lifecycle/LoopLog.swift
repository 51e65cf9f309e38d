package import EventLoop
package import Telemetry

/// Log lines about the queries of one loop: written as octets, and handed over together when a turn of the loop ends.
package final class LoopLog: TurnTarget {
    private unowned let loop: EventLoop
    private var octets: [UInt8] = []
    private var lines = 0

    /// Lines are handed over before a turn ends when they are more octets than this.
    private static let most = 1 << 16

    init(_ loop: EventLoop) { self.loop = loop }

    /// - Parameter write: appends the text, without a newline; one in it would be another line.
    package func line(_ level: Log.Level, _ write: (inout [UInt8]) -> Void) {
        if lines == 0 {
            // Room for the first turn is room for every turn: nothing is allocated for a line.
            octets.reserveCapacity(Self.most + 4096)
            loop.callAtEndOfTurn(self)
        }
        octets.append(UInt8(ascii: "["))
        octets.append(contentsOf: level.rawValue.utf8)
        octets.append(UInt8(ascii: "]"))
        octets.append(UInt8(ascii: " "))
        write(&octets)
        octets.append(UInt8(ascii: "\n"))
        lines += 1
        if octets.count >= Self.most { handOver() }
    }

    package func turnEnded() { handOver() }

    private func handOver() {
        guard lines > 0 else { return }
        Log.write(octets, lines: lines)
        octets.removeAll(keepingCapacity: true)
        lines = 0
    }
}
