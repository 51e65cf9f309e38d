import DNSWire
import EventLoop

/// Gives up a query that still waits at its time.
final class QueryDeadline: TimerTarget {
    private unowned let chain: Chain
    private let id: ParkingID

    private init(_ id: ParkingID, _ chain: Chain) {
        self.id = id
        self.chain = chain
    }

    /// - Parameter deadline: nanoseconds of the loop's clock.
    static func set(_ id: ParkingID, _ deadline: UInt64, _ chain: Chain) {
        let now = chain.loop.now
        chain.loop.schedule(after: deadline > now ? deadline - now : 0, QueryDeadline(id, chain), token: 0)
    }

    func timerFired(_ token: UInt64) {
        chain.resume(id, with: .failed(.serverFailure, .networkError, because: "cancelled: it has waited too long"))
    }
}
