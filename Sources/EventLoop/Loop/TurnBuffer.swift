/// Octets that one loop gathers and hands over whole, once a turn.
package final class TurnBuffer: TurnTarget {
    private unowned let loop: EventLoop
    private let handOver: (borrowing [UInt8], Int) -> Void
    private var octets: [UInt8] = []
    private var pieces = 0

    /// They are handed over before a turn ends when they are more than this.
    private static let most = 1 << 16

    /// - Parameter handOver: takes the octets and how many pieces they are; must not block.
    package init(_ loop: EventLoop, handOver: @escaping (borrowing [UInt8], Int) -> Void) {
        self.loop = loop
        self.handOver = handOver
    }

    /// Adds a piece.
    ///
    /// - Parameter write: appends its octets.
    package func add(_ write: (inout [UInt8]) -> Void) {
        if pieces == 0 {
            // Room for the first turn is room for every turn: nothing is allocated for a piece.
            octets.reserveCapacity(Self.most + 4096)
            loop.callAtEndOfTurn(self)
        }
        write(&octets)
        pieces += 1
        if octets.count >= Self.most { turnEnded() }
    }

    package func turnEnded() {
        guard pieces > 0 else { return }
        handOver(octets, pieces)
        octets.removeAll(keepingCapacity: true)
        pieces = 0
    }
}
