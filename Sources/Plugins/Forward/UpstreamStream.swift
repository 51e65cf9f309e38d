import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// One connection to an upstream that many queries share: out as they come, responses in any order (RFC 7766 §6.2.1).
final class UpstreamStream: ReadinessHandler, TimerTarget {
    private let socket: StreamSocket
    private let session: any UpstreamSession
    private let settings: ForwardSettings
    private let upstream: Upstream
    private let loopSide: ForwardLoopSide
    private let pool: StreamPool
    private var registration: EventLoop.Registration?
    /// What the kernel did not take yet.
    private var unsent: [UInt8] = []
    private var isConnected = false
    private var awaitsRoom = true
    private var flushIsDue = false
    private var pending: [UInt16: StreamAttempt] = [:]
    private var id = MessageID.random()
    private var idleTimer = TimerID.none
    /// When it was opened, in nanoseconds of the loop.
    let opened: UInt64
    /// When the last whole message came: octets alone, of one that never ends, help nobody.
    private var lastHeard: UInt64
    private var hasHeard = false
    private var isRetired = false
    private(set) var isClosed = false

    /// Far below the number of ids.
    private static let mostPending = 2048

    private enum Timer {
        static let idle: UInt64 = 0
        static let flush: UInt64 = 1
    }

    init(_ upstream: Upstream, _ settings: ForwardSettings, pool: StreamPool, on loopSide: ForwardLoopSide)
        throws(SystemError)
    {
        socket = try upstream.target.connect()
        session = upstream.session()
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
        return !isClosed && !isRetired && !isOld && session.takesQueries && pending.count < Self.mostPending
    }

    var isIdle: Bool { pending.isEmpty }
    /// How many queries wait here.
    var waiting: Int { pending.count }

    // MARK: Asking

    /// Sends the query of `attempt` and hands it the reply later.
    func send(_ attempt: StreamAttempt) {
        // Nobody can put a reply in between here, so an id need not be hard to guess.
        repeat { id &+= 1 } while pending[id] != nil
        pending[id] = attempt
        attempt.id = id
        loopSide.loop.cancel(idleTimer)
        session.ask(attempt.octets(id: id))
        flushLater()
    }

    /// No longer waits for the reply with this id.
    func forget(_ id: UInt16, sentAt: UInt64) {
        guard pending.removeValue(forKey: id) != nil, !isClosed else { return }
        session.forget(id)
        // Silence since the query left: whoever asks next should not wait for this connection too.
        if lastHeard <= sentAt { isRetired = true }
        settle()
        if !isClosed { flushLater() }
    }

    /// All that comes up in one turn of the loop leaves together; and no failure reaches an owner within its own call.
    private func flushLater() {
        guard isConnected, !flushIsDue else { return }
        flushIsDue = true
        loopSide.loop.schedule(after: 0, self, token: Timer.flush)
    }

    private func flush() {
        guard isConnected, !isClosed else { return }
        let octets = session.takeOutgoing()
        if unsent.isEmpty { unsent = octets } else { unsent += octets }
        if !unsent.isEmpty {
            switch withBytes(unsent, { socket.write($0) }) {
            case .octets(unsent.count): unsent = []
            case .octets(let count): unsent.removeFirst(count)
            case .wouldBlock: break
            case .closed:
                return fail(UpstreamSessionEnd(hasHeard ? "write: broken pipe" : "connect: connection refused"))
            }
        }
        awaitRoom(!unsent.isEmpty)
    }

    private func awaitRoom(_ isWanted: Bool) {
        guard let registration, awaitsRoom != isWanted else { return }
        awaitsRoom = isWanted
        loopSide.loop.change(registration, socket.number, readable: true, writable: isWanted)
    }

    // MARK: Responses

    func ready(readable: Bool, writable: Bool) {
        if writable, !isConnected {
            isConnected = true
            // A session may have ended before it began.
            takeEvents()
        } else if writable {
            flush()
        }
        if readable, !isClosed { read() }
    }

    private func read() {
        switch socket.read(into: loopSide.input) {
        case .octets(let count):
            hasHeard = true
            session.take(loopSide.input.view(count))
            takeEvents()
        case .wouldBlock: break
        case .closed: fail(UpstreamSessionEnd("EOF"))
        }
    }

    private func takeEvents() {
        while !isClosed, let event = session.next() {
            switch event {
            case .response(let message): take(message)
            case .refused(let id, let reason): pending.removeValue(forKey: id)?.refused(reason)
            case .lost(let id, let reason):
                pending.removeValue(forKey: id)?.streamFailed(UpstreamSessionEnd(reason), mayRepeat: true)
            case .ended(let end): return fail(end)
            }
        }
        guard !isClosed else { return }
        flush()
        settle()
    }

    private func take(_ message: [UInt8]) {
        let id = UInt16(message[0]) << 8 | UInt16(message[1])
        guard let attempt = pending[id] else {
            // It comes twice, or too late.
            lastHeard = loopSide.loop.now
            return loopSide.meter.mismatched.bump()
        }
        guard let outcome = attempt.outcome(of: message) else {
            // Nobody can put a message in between: the upstream has lost count of its octets.
            isRetired = true
            return loopSide.meter.mismatched.bump()
        }
        lastHeard = loopSide.loop.now
        pending[id] = nil
        attempt.end(outcome)
    }

    // MARK: The end

    /// Closes or starts the idle time when nothing is waited for.
    private func settle() {
        guard !isClosed, pending.isEmpty else { return }
        guard takesQueries, settings.expire > 0 else { return close() }
        loopSide.loop.cancel(idleTimer)
        idleTimer = loopSide.loop.schedule(after: settings.expire, self, token: Timer.idle)
    }

    func timerFired(_ token: UInt64) {
        if token == Timer.flush {
            flushIsDue = false
            flush()
        } else if pending.isEmpty {
            close()
        }
    }

    private func fail(_ end: UpstreamSessionEnd) {
        guard !isClosed else { return }
        let waiting = pending.values
        pending = [:]
        // One that worked until now was ended for reasons that are none of the queries' (RFC 7766 §6.2.4).
        let mayRepeat = session.isEstablished && hasHeard
        close()
        if end.isRejection { pool.rejected(end) }
        for attempt in waiting { attempt.streamFailed(end, mayRepeat: mayRepeat) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        session.end()
        if isConnected, unsent.isEmpty {
            let farewell = session.takeOutgoing()
            if !farewell.isEmpty { _ = withBytes(farewell) { socket.write($0) } }
        }
        loopSide.loop.cancel(idleTimer)
        if let registration { loopSide.loop.unregister(registration, socket.number) }
        registration = nil
        pool.closed(self)
    }
}
