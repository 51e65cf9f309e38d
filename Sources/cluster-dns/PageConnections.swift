import DNSServer
import EventLoop
import NIOCore
import SecureTransport
import Synchronization

/// The open connections of one address that shows pages. Probes and scrapers need few: who opens more loses the oldest,
/// so that a probe always gets its answer.
final class PageConnections: Sendable {
    private let open = Mutex(OpenConnections<any Channel>())

    private static let limits = OpenConnections<any Channel>.Limits(connections: 256, perClient: 64)
    /// Longer than scrapers pause.
    static let idle = TimeAmount.minutes(5)

    func take(_ channel: any Channel) {
        guard let client = channel.remoteAddress?.asEndpoint?.address else { return channel.close(promise: nil) }
        let isShort = DescriptorReserve.isReached
        let ticket = open.withLock { open in
            let room = open.makeRoom(for: client, within: Self.limits, isShort: isShort, isBusy: { _ in false })
            if case .after(let oldest) = room { oldest.close(promise: nil) }
            return open.insert(channel, from: client)
        }
        channel.closeFuture.whenComplete { _ in self.open.withLock { $0.remove(ticket) } }
    }
}
