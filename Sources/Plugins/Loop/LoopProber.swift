import DNSServer
import DNSWire
import EventLoop

/// Asks this server for names nobody has until one exchange succeeds: time enough for listeners and upstreams to start.
struct LoopProber: Sendable {
    let plugin: LoopPlugin
    let zone: Name
    /// Where the server block listens.
    let address: SocketAddress?

    /// How long to try, as CoreDNS does.
    private static let patience = Duration.seconds(30)
    /// Longer than a forwarded question may take.
    private static let longestExchange = Duration.seconds(6)

    func run() async {
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        while clock.now < end, !Task.isCancelled {
            if await exchange(clock) { break }
            try? await Task.sleep(for: .milliseconds(200))
        }
        plugin.endProbing()
    }

    /// Asks once; true when there was a response of this configuration.
    private func exchange(_ clock: ContinuousClock) async -> Bool {
        guard let address, let name = probeName(),
            let socket = try? ConnectedDatagramSocket(connectedTo: target(address))
        else { return false }
        plugin.expect(name)
        let query = withBytes(name.wire) { UpstreamQuery(name: $0, type: .hinfo, class: RecordClass.internet) }
        guard withBytes(query.octets(id: MessageID.random(), edns: false), { socket.send($0) }) else {
            return false
        }
        let room = ByteBlock(capacity: 512)
        let end = clock.now + Self.longestExchange
        while clock.now < end, !Task.isCancelled {
            var refused = false
            if socket.receive(into: room.bytes, refused: &refused) != nil { return plugin.wasSeen }
            if refused { return false }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    /// Two labels nobody can guess, so that nobody else can make this server believe in a loop.
    private func probeName() -> Name? {
        var generator = SystemRandomNumberGenerator()
        let labels = (0..<2).map { _ in String(UInt64.random(in: 0 ... .max, using: &generator)) }
        return Name(labels: labels, under: zone)
    }

    private func target(_ address: SocketAddress) -> SocketAddress {
        guard address.isWildcard else { return address }
        let loopback = address.isIPv4 ? IPAddress(v4: 0x7F00_0001) : IPAddress(v6High: 0, low: 1)
        return SocketAddress(loopback, port: address.port)
    }
}
