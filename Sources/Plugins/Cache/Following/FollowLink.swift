import DNSServer
import DNSWire
import EventLoop

/// The connection to an upstream that tells of changes: opened again whenever it is lost, later each time it fails.
final class FollowLink: ReadinessHandler, TimerTarget, TurnTarget {
    enum Event {
        case opened
        case message([UInt8])
        case lost
    }

    private let upstreams: [SocketAddress]
    private let loop: EventLoop
    private let take: (Event) -> Void
    private var socket: StreamSocket?
    private var registration: EventLoop.Registration?
    private var isOpen = false
    private var awaitsRoom = true
    private var incoming = MessageFraming()
    private var outgoing: [UInt8] = []
    private var buffer = ByteBlock(capacity: 65_536)
    private var failures = 0
    private var wasHeard = false
    private var nextUpstream = 0
    private var hasEnded = false
    private var timer = TimerID.none

    private static let longestQueue = 4 << 20
    private static let firstPause: UInt64 = 50_000_000
    /// Nanoseconds within which another replica is found.
    static let shortPause: UInt64 = 200_000_000
    private static let longestPause: UInt64 = 5_000_000_000
    /// For an upstream that has never told of anything.
    private static let longestPauseOfStrangers: UInt64 = 60_000_000_000

    init(_ upstreams: [SocketAddress], on loop: EventLoop, _ take: @escaping (Event) -> Void) {
        self.upstreams = upstreams
        self.loop = loop
        self.take = take
    }

    func start() { loop.schedule(after: 0, self, token: 0) }

    func end() {
        hasEnded = true
        loop.cancel(timer)
        close()
    }

    // MARK: Opening

    func timerFired(_ token: UInt64) {
        guard !hasEnded, socket == nil, !upstreams.isEmpty else { return }
        let upstream = upstreams[nextUpstream % upstreams.count]
        nextUpstream += 1
        do throws(SystemError) {
            let socket = try StreamSocket(connectingTo: upstream)
            socket.noticeSilence(seconds: 3)
            self.socket = socket
            awaitsRoom = true
            registration = loop.register(socket.number, readable: true, writable: true, handler: self)
        } catch {
            again()
        }
    }

    /// Tries again after a while that is never the same for two nodes.
    private func again() {
        let most = wasHeard ? Self.longestPause : Self.longestPauseOfStrangers
        let longest = min(Self.firstPause << UInt64(min(failures, 16)), most)
        failures += 1
        timer = loop.schedule(after: UInt64.random(in: longest / 4...longest), self, token: 0)
    }

    /// Closes the connection and opens another.
    ///
    /// - Parameter pause: nanoseconds until then; nil for as long as after a failure.
    func reopen(after pause: UInt64? = nil) {
        guard socket != nil else { return }
        close()
        take(.lost)
        guard !hasEnded else { return }
        if let pause { timer = loop.schedule(after: pause, self, token: 0) } else { again() }
    }

    private func close() {
        if let registration, let socket { loop.unregister(registration, socket.number) }
        (registration, socket, isOpen) = (nil, nil, false)
        (incoming, outgoing) = (MessageFraming(), [])
    }

    /// The upstream has shown that it speaks: the next failure is the first.
    func isHeard() { (failures, wasHeard) = (0, true) }

    // MARK: Messages

    func send(_ message: [UInt8]) {
        guard isOpen else { return }
        if outgoing.isEmpty { loop.callAtEndOfTurn(self) }
        MessageFraming.append(message, to: &outgoing)
    }

    func turnEnded() { flush() }

    private func flush() {
        guard let socket, let registration, isOpen else { return }
        if !outgoing.isEmpty {
            switch withBytes(outgoing, { socket.write($0) }) {
            case .octets(let count): outgoing.removeFirst(count)
            case .wouldBlock: break
            case .closed: return reopen()
            }
        }
        if outgoing.count > Self.longestQueue { return reopen() }
        guard awaitsRoom == outgoing.isEmpty else { return }
        awaitsRoom.toggle()
        loop.change(registration, socket.number, readable: true, writable: awaitsRoom)
    }

    func ready(readable: Bool, writable: Bool) {
        guard let socket else { return }
        if writable, !isOpen {
            guard !readable || isReadable(socket) else { return reopen() }
            isOpen = true
            take(.opened)
        }
        if writable { flush() }
        if readable { read() }
    }

    /// False for a connection that was refused.
    private func isReadable(_ socket: StreamSocket) -> Bool {
        switch socket.read(into: buffer.bytes.prefix(buffer.bytes.capacity)) {
        case .octets(let count):
            incoming.append(buffer.bytes.view(count).array)
            return true
        case .wouldBlock: return true
        case .closed: return false
        }
    }

    private func read() {
        guard let socket else { return }
        switch socket.read(into: buffer.bytes.prefix(buffer.bytes.capacity)) {
        case .octets(let count): incoming.append(buffer.bytes.view(count).array)
        case .wouldBlock: break
        case .closed: return reopen()
        }
        while self.socket === socket {
            switch incoming.next() {
            case .message(let message): take(.message(message))
            case .incomplete: return
            case .broken: return reopen()
            }
        }
    }
}
