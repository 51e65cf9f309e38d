import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Hears how a try at one upstream ended; never called from within the call that started it.
protocol AttemptOwner: AnyObject {
    func attemptEnded(_ outcome: AttemptOutcome)
}

/// One query to one upstream, under way.
protocol Attempt: AnyObject {
    /// - Parameter timeout: nanoseconds to wait for the reply.
    func start(timeout: UInt64)
    /// Ends it without a word to the owner.
    func cancel()
}

/// One query over UDP from a port of its own, until the reply that matches or the deadline.
final class DatagramAttempt: Attempt, ReadinessHandler, TimerTarget {
    private let upstream: Upstream
    private let query: UpstreamQuery
    private let edns: Bool
    private let id = MessageID.random()
    private let loopSide: ForwardLoopSide
    private var owner: (any AttemptOwner)?
    private var socket: ConnectedDatagramSocket?
    private var registration: EventLoop.Registration?
    private var timer = TimerID.none
    private var nearMisses = 0
    private var isOver = false
    /// Set when the query could not even be sent.
    private var sendFailure: AttemptFailure?

    /// After so many near misses the question is asked over TCP, where guessing does not help.
    private static let mostNearMisses = 3
    /// A bound on what one turn of the loop takes from one socket.
    private static let mostDatagramsPerTurn = 32

    init(
        _ upstream: Upstream, _ query: UpstreamQuery, edns: Bool, on loopSide: ForwardLoopSide, owner: any AttemptOwner
    ) {
        self.upstream = upstream
        self.query = query
        self.edns = edns
        self.loopSide = loopSide
        self.owner = owner
    }

    func start(timeout: UInt64) {
        do throws(SystemError) {
            let socket = try ConnectedDatagramSocket(connectedTo: upstream.address)
            self.socket = socket
            registration = loopSide.loop.register(socket.number, handler: self)
            if !withBytes(query.octets(id: id, edns: edns), { socket.send($0) }) {
                sendFailure = AttemptFailure(
                    text: "write udp \(upstream.label): write: failed", error: .networkError)
            }
        } catch {
            // Descriptors or routes are missing on this side.
            sendFailure = AttemptFailure(
                text: "dial udp \(upstream.label): \(error)", error: .networkError, blamesUpstream: false)
        }
        timer = loopSide.loop.schedule(after: sendFailure == nil ? timeout : 0, self, token: 0)
    }

    func cancel() {
        isOver = true
        loopSide.loop.cancel(timer)
        if let registration, let socket { loopSide.loop.unregister(registration, socket.number) }
        registration = nil
        socket = nil
        owner = nil
    }

    func timerFired(_ token: UInt64) {
        if let sendFailure { return end(.failed(sendFailure)) }
        if nearMisses > 0 { return end(.suspicious) }
        end(
            .failed(
                AttemptFailure(text: "read udp \(upstream.label): i/o timeout", error: .noReachableAuthority)))
    }

    func ready(readable: Bool, writable: Bool) {
        for _ in 0..<Self.mostDatagramsPerTurn {
            guard !isOver, let socket else { return }
            var refused = false
            guard let count = socket.receive(into: loopSide.input, refused: &refused) else {
                if refused {
                    end(
                        .failed(
                            AttemptFailure(
                                text: "read udp \(upstream.label): read: connection refused", error: .networkError)))
                }
                return
            }
            take(loopSide.input.view(count))
        }
    }

    private func take(_ message: ByteView) {
        switch ReplyCheck.check(message, id: id, query: query, hasEDNS: edns, layout: loopSide.layout) {
        case .unrelated: loopSide.meter.mismatched.bump()
        case .nearMiss:
            loopSide.meter.mismatched.bump()
            nearMisses += 1
            if nearMisses >= Self.mostNearMisses { end(.suspicious) }
        case .outcome(let outcome): end(outcome)
        }
    }

    private func end(_ outcome: AttemptOutcome) {
        guard !isOver else { return }
        let owner = owner
        cancel()
        owner?.attemptEnded(outcome)
    }
}
