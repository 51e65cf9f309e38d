import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// One TCP connection to an upstream: length-framed queries out, replies in any order (RFC 7766 §6.2.1).
final class UpstreamStream: ReadinessHandler, TimerTarget {
    private let socket: StreamSocket
    private let upstream: Upstream
    private let settings: ForwardSettings
    private let loopSide: ForwardLoopSide
    private let pool: StreamPool
    private var registration: EventLoop.Registration?
    private var incoming = MessageFraming()
    private var outgoing: [UInt8] = []
    private var pending: [UInt16: StreamAttempt] = [:]
    private var idleTimer = TimerID.none
    private let opened: UInt64
    private var lastHeard: UInt64
    private var isRetired = false
    private(set) var isClosed = false

    private static let mostPending = 64

    init(_ upstream: Upstream, _ settings: ForwardSettings, pool: StreamPool, on loopSide: ForwardLoopSide)
        throws(SystemError)
    {
        socket = try StreamSocket(connectingTo: upstream.address)
        self.upstream = upstream
        self.settings = settings
        self.pool = pool
        self.loopSide = loopSide
        opened = loopSide.loop.now
        lastHeard = opened
        registration = loopSide.loop.register(socket.number, readable: true, writable: true, handler: self)
    }

    /// False once nothing more may be asked here.
    var takesQueries: Bool {
        let isOld = settings.maximumAge > 0 && loopSide.loop.now &- opened > settings.maximumAge
        return !isClosed && !isRetired && !isOld && pending.count < Self.mostPending
    }

    var isIdle: Bool { pending.isEmpty }

    /// Sends the query of `attempt` and hands it the reply later.
    func send(_ attempt: StreamAttempt) {
        var id = MessageID.random()
        while pending[id] != nil { id = MessageID.random() }
        pending[id] = attempt
        attempt.id = id
        loopSide.loop.cancel(idleTimer)
        MessageFraming.append(attempt.octets(id: id), to: &outgoing)
        // Written when the loop says so: a failure must not reach the owner from within its own call.
        updateInterest()
    }

    /// No longer waits for the reply with this id.
    func forget(_ id: UInt16, sentAt: UInt64) {
        guard pending.removeValue(forKey: id) != nil, !isClosed else { return }
        // Silence since the query left: whoever asks next should not wait for this connection too.
        if lastHeard <= sentAt { isRetired = true }
        settle()
    }

    func ready(readable: Bool, writable: Bool) {
        if writable, !outgoing.isEmpty { flush() }
        if readable, !isClosed { read() }
        if !isClosed { updateInterest() }
    }

    private func flush() {
        switch withBytes(outgoing, { socket.write($0) }) {
        case .octets(let count): outgoing.removeFirst(count)
        case .wouldBlock: break
        case .closed: fail("connect: connection refused")
        }
    }

    private func read() {
        switch socket.read(into: loopSide.input) {
        case .octets(let count):
            lastHeard = loopSide.loop.now
            incoming.append(loopSide.input.view(count).array)
            takeWholeMessages()
        case .wouldBlock: break
        case .closed: fail("EOF")
        }
    }

    private func takeWholeMessages() {
        while !isClosed {
            switch incoming.next() {
            case .message(let message): take(message)
            case .incomplete: return settle()
            case .broken: return fail("short message")
            }
        }
    }

    private func take(_ message: [UInt8]) {
        let id = UInt16(message[0]) << 8 | UInt16(message[1])
        guard let attempt = pending[id], let outcome = attempt.outcome(of: message) else {
            return loopSide.mismatched.bump()
        }
        pending[id] = nil
        attempt.end(outcome)
    }

    /// Closes or starts the idle time when nothing is waited for.
    private func settle() {
        guard !isClosed, pending.isEmpty else { return }
        guard takesQueries, settings.expire > 0 else { return close() }
        loopSide.loop.cancel(idleTimer)
        idleTimer = loopSide.loop.schedule(after: settings.expire, self, token: 0)
    }

    func timerFired(_ token: UInt64) {
        if pending.isEmpty { close() }
    }

    private func updateInterest() {
        guard let registration else { return }
        loopSide.loop.change(registration, socket.number, readable: true, writable: !outgoing.isEmpty)
    }

    private func fail(_ reason: String) {
        guard !isClosed else { return }
        let waiting = pending.values
        pending = [:]
        close()
        for attempt in waiting { attempt.streamFailed(reason) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        loopSide.loop.cancel(idleTimer)
        if let registration { loopSide.loop.unregister(registration, socket.number) }
        registration = nil
        pool.closed(self)
    }
}
