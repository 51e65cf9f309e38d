import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// The connections of one loop to one upstream.
final class StreamPool {
    private let upstream: Upstream
    private let settings: ForwardSettings
    private unowned let loopSide: ForwardLoopSide
    private var streams: [UpstreamStream] = []
    private lazy var hits = loopSide.meter.connections(upstream, wereOpen: true)
    private lazy var misses = loopSide.meter.connections(upstream, wereOpen: false)
    private var lastOpened: UInt64?
    /// Why the upstream was found not to be the right one, and until when nobody looks again.
    private var rejection: (failure: AttemptFailure, until: UInt64)?

    /// Some servers take the queries of a connection one after the other, so with as many waiting another one helps;
    /// but a burst is no reason for many handshakes.
    private static let manyWaiting = 256
    private static let openingInterval: UInt64 = 1_000_000_000
    /// Nanoseconds for which an upstream that failed the handshake is not asked for another.
    private static let rejectionTime: UInt64 = 1_000_000_000

    init(_ upstream: Upstream, _ settings: ForwardSettings, on loopSide: ForwardLoopSide) {
        self.upstream = upstream
        self.settings = settings
        self.loopSide = loopSide
    }

    /// A connection to ask over, and whether it was open before.
    ///
    /// - Parameter start: it must not have been opened before this time.
    func stream(since start: UInt64 = 0) throws(AttemptFailure) -> (UpstreamStream, wasOpen: Bool) {
        if let open = open(since: start) {
            hits?.bump()
            return (open, true)
        }
        let now = loopSide.loop.now
        if let rejection, now < rejection.until { throw rejection.failure }
        rejection = nil
        let stream: UpstreamStream
        do throws(SystemError) {
            stream = try UpstreamStream(upstream, settings, pool: self, on: loopSide)
        } catch {
            // Descriptors or routes are missing on this side.
            throw AttemptFailure(
                text: "dial \(upstream.transport) \(upstream.label): \(error)", error: .networkError,
                blamesUpstream: false)
        }
        lastOpened = now
        streams.append(stream)
        misses?.bump()
        let limit = settings.maximumIdleConnections
        if limit > 0, streams.count > limit, let idle = streams.first(where: \.isIdle), idle !== stream { idle.close() }
        return (stream, false)
    }

    private func open(since start: UInt64) -> UpstreamStream? {
        var best: UpstreamStream?
        for stream in streams where stream.opened >= start && stream.takesQueries {
            guard stream.waiting >= Self.manyWaiting else { return stream }
            if stream.waiting < best?.waiting ?? .max { best = stream }
        }
        let openedLately = lastOpened.map { loopSide.loop.now &- $0 < Self.openingInterval } ?? false
        return openedLately ? best : nil
    }

    func closed(_ stream: UpstreamStream) { streams.removeAll { $0 === stream } }

    /// The upstream is not who it should be.
    func rejected(_ end: UpstreamSessionEnd) {
        let failure = upstream.failure(end)
        rejection = (failure, loopSide.loop.now &+ Self.rejectionTime)
    }
}
