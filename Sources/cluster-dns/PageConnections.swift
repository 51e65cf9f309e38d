import DNSServer
import EventLoop
import NIOCore
import SecureTransport
import Synchronization

/// The open connections of one address that shows pages. Probes and scrapers need few: who opens more loses the oldest,
/// so that a probe always gets its answer.
final class PageConnections: Sendable {
    private typealias Table = OpenConnections<(channel: any Channel, opened: NIODeadline)>
    private let open = Mutex(Table())
    private let ended = Atomic(false)

    private static let limits = Table.Limits(connections: 256, perClient: 64)
    /// Longer than scrapers pause.
    static let idle = TimeAmount.minutes(5)

    func take(_ channel: any Channel) {
        guard let client = channel.remoteAddress?.asEndpoint?.address else { return channel.close(promise: nil) }
        let (isShort, now) = (DescriptorReserve.isReached, NIODeadline.now())
        let ticket: Table.Ticket? = open.withLock { open in
            let room = open.makeRoom(for: client, within: Self.limits, isShort: isShort) {
                now - $0.opened < .nanoseconds(Int64(Table.youth))
            }
            switch room {
            case .free: break
            case .after(let oldest): oldest.channel.close(promise: nil)
            case .none: return nil
            }
            return open.insert((channel, now), from: client)
        }
        guard let ticket else { return channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in self.open.withLock { $0.remove(ticket) } }
        if ended.load(ordering: .acquiring) { channel.close(promise: nil) }
    }

    /// Closes them all, and those that still come: nobody answers them any more.
    func end() {
        ended.store(true, ordering: .releasing)
        for (channel, _) in open.withLock({ $0.all }) { channel.close(promise: nil) }
    }
}
