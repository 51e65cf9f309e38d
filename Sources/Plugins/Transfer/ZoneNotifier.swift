import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Tells one server that a zone has changed, until it has heard it (RFC 1996).
struct ZoneNotifier: Sendable {
    /// How long is waited, which tests shorten.
    struct Pace: Sendable {
        /// Between two looks at the serial.
        var look = Duration.seconds(1)
        /// For the response to the first message; doubled each time.
        var patience = Duration.seconds(1)
        var attempts = 5
        /// After one change was told: a cluster may change a hundred times a second.
        var rest = Duration.seconds(5)
    }

    let zone: Name
    let server: SocketAddress
    /// The address to send from; nil for the system's choice.
    let source: IPAddress?
    var pace = Pace()
    /// The zone's serial now; nil while there is none.
    let serial: @Sendable () -> UInt32?

    init(zone: Name, server: SocketAddress, from source: IPAddress? = nil, serial: @escaping @Sendable () -> UInt32?) {
        self.zone = zone
        self.server = server
        self.source = source
        self.serial = serial
    }

    /// What tells one notifier of a plugin from the others.
    struct Pair: Hashable, Sendable {
        let zone: Name
        let server: SocketAddress
    }

    var pair: Pair { Pair(zone: zone, server: server) }

    func run() async {
        var told: UInt32?
        var wasHeard = true
        while !Task.isCancelled {
            guard let now = serial(), now != told else {
                try? await Task.sleep(for: pace.look)
                continue
            }
            // Given up, it is left to the server's own refresh, and to the next change.
            told = now
            let isHeard = await tell(now)
            guard !Task.isCancelled else { return }
            if wasHeard, !isHeard {
                Log.warning("plugin/transfer: \(server) does not answer NOTIFY of \(zone)")
            }
            wasHeard = isHeard
            try? await Task.sleep(for: pace.rest)
        }
    }

    /// True when the server answered one of the messages, whatever it said.
    func tell(_ serial: UInt32) async -> Bool {
        var patience = pace.patience
        for _ in 0..<pace.attempts where !Task.isCancelled {
            if await send(for: patience) { return true }
            patience *= 2
        }
        return false
    }

    private func send(for patience: Duration) async -> Bool {
        let id = MessageID.random()
        let end = ContinuousClock.now + patience
        if let socket = try? ConnectedDatagramSocket(
            connectedTo: server, from: source.map { SocketAddress($0, port: 0) }),
            withBytes(message(id), { socket.send($0) })
        {
            let room = ByteBlock(capacity: 512)
            while ContinuousClock.now < end, !Task.isCancelled {
                var refused = false
                if let count = socket.receive(into: room.bytes, refused: &refused) {
                    if Self.isAnswer(room.bytes.view(count), to: id) { return true }
                    continue
                }
                if refused { break }
                guard let isReady = try? await SocketWait.wait(for: socket.number, .reading, until: end), isReady else {
                    break
                }
            }
        }
        try? await Task.sleep(until: end, clock: .continuous)
        return false
    }

    /// NOTIFY, AA, and the zone's SOA as the question (RFC 1996 §3.7).
    private func message(_ id: UInt16) -> [UInt8] {
        [UInt8(id >> 8), UInt8(id & 0xFF), 0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0] + zone.wire
            + [0, UInt8(RecordType.soa.rawValue), 0, UInt8(RecordClass.internet)]
    }

    private static func isAnswer(_ message: ByteView, to id: UInt16) -> Bool {
        message.count >= 12 && message.uint16(at: 0) == id
            && message.uint16(at: 2) & (HeaderFlag.response | HeaderFlag.opcodeMask) == 0xA000
    }
}
