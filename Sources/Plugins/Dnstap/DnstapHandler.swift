import Corefile
import DNSServer
import DNSWire
import EventLoop

/// Tells collectors of clients' queries and responses, on one loop.
final class DnstapHandler: Handler {
    private let taps: [DnstapTap]
    private let metadata: (any MetadataReader)?

    init(_ taps: [DnstapTap], _ metadata: (any MetadataReader)?) {
        self.taps = taps
        self.metadata = metadata
    }

    func takeNotice(_ exchange: inout Exchange) -> Verdict { answer(&exchange) }

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard exchange.isFirstQuestion else { return .next }
        for tap in taps { tap.tell(.clientQuery, exchange, metadata) }
        return .next
    }

    func finish(_ exchange: inout Exchange) {
        for tap in taps { tap.tell(.clientResponse, exchange, metadata) }
    }
}

/// Learns what is sent to upstreams and what comes back, on one loop.
protocol UpstreamTap: AnyObject {
    /// - Parameters:
    ///   - query: a message as it was sent, but for its id.
    ///   - response: what is made of the upstream's.
    ///   - taken: nanoseconds between the two.
    func forwarded(_ query: [UInt8], _ response: [UInt8], to upstream: SocketAddress, overStream: Bool, taken: UInt64)
}

/// A plugin that wants to know.
protocol UpstreamTapProvider: Plugin {
    func makeUpstreamTap(on server: LoopServer) -> any UpstreamTap
}

/// Tells collectors of what goes to upstreams.
final class DnstapUpstreamTap: UpstreamTap {
    private let taps: [DnstapTap]

    init(_ taps: [DnstapTap]) { self.taps = taps }

    func forwarded(_ query: [UInt8], _ response: [UInt8], to upstream: SocketAddress, overStream: Bool, taken: UInt64) {
        let now = WallClock.nanoseconds
        for tap in taps {
            for kind in [DnstapKind.forwarderQuery, .forwarderResponse] {
                tap.tell(
                    DnstapMessage(
                        kind: kind, address: upstream, isClient: false, transport: overStream ? 2 : 1,
                        queryTime: now &- taken, responseTime: kind == .forwarderResponse ? now : nil),
                    octets: kind == .forwarderQuery ? query : response, extra: [])
            }
        }
    }
}

/// Lays out messages for one collector, on one loop.
final class DnstapTap {
    private let settings: DnstapSettings
    private let scheme: ServerScheme
    private unowned let server: LoopServer
    private let frames: TurnBuffer
    private var message: [UInt8] = []
    private var whole: [UInt8] = []

    init(_ settings: DnstapSettings, _ scheme: ServerScheme, _ sender: DnstapSender, on server: LoopServer) {
        self.settings = settings
        self.scheme = scheme
        self.server = server
        frames = TurnBuffer(server.loop) { sender.add($0, $1) }
    }

    func tell(_ kind: DnstapKind, _ exchange: borrowing Exchange, _ metadata: (any MetadataReader)?) {
        let now = WallClock.nanoseconds
        let clock = server.loop.currentTime
        var extra: [UInt8] = []
        settings.extra?.write(exchange, now: clock, metadata, to: &extra)
        let isResponse = kind == .clientResponse
        let head = DnstapMessage(
            kind: kind, address: exchange.client, isClient: true, transport: transport(exchange.transport),
            queryTime: now &- (clock &- exchange.received), responseTime: isResponse ? now : nil)
        let octets = isResponse ? exchange.response.written : exchange.message
        tell(head, octets: settings.isFull ? octets.array : [], extra: extra)
    }

    /// dnstap's SocketProtocol.
    private func transport(_ transport: Transport) -> UInt64 {
        switch scheme {
        case .tls: 3
        case .https: 4
        default: transport == .udp ? 1 : 2
        }
    }

    func tell(_ head: DnstapMessage, octets: [UInt8], extra: [UInt8]) {
        message.removeAll(keepingCapacity: true)
        head.write(settings.isFull ? octets : [], to: &message)
        whole.removeAll(keepingCapacity: true)
        DnstapMessage.wrap(message, settings.identity, settings.version, extra, to: &whole)
        frames.add { frames in
            let count = UInt32(truncatingIfNeeded: whole.count)
            for shift in [24, 16, 8, 0] as [UInt32] { frames.append(UInt8(truncatingIfNeeded: count >> shift)) }
            frames += whole
        }
    }
}
