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

/// One query over UDP, until the reply that matches or the deadline.
final class DatagramAttempt: Attempt, TimerTarget {
    private let upstream: Upstream
    private let query: UpstreamQuery
    private let edns: Bool
    private var id: UInt16 = 0
    private let loopSide: ForwardLoopSide
    private var owner: (any AttemptOwner)?
    private var port: DatagramPort?
    private var timer = TimerID.none
    private var nearMisses = 0
    private var isOver = false
    /// Set when the query was not even sent.
    private var early: AttemptOutcome?

    /// After so many near misses the question is asked over TCP, where guessing does not help.
    private static let mostNearMisses = 3

    init(
        _ upstream: Upstream, _ query: UpstreamQuery, edns: Bool, on loopSide: ForwardLoopSide, owner: any AttemptOwner
    ) {
        self.upstream = upstream
        self.query = query
        self.edns = edns
        self.loopSide = loopSide
        self.owner = owner
    }

    func octets(id: UInt16) -> [UInt8] { query.octets(id: id, edns: edns) }

    func start(timeout: UInt64) {
        let pool = loopSide.datagrams(upstream)
        if pool.isUnderAttack {
            early = .suspicious
        } else {
            do throws(SystemError) {
                (port, id) = try pool.ask(self)
            } catch {
                // Descriptors or routes are missing on this side.
                early = .failed(
                    AttemptFailure(
                        text: "dial udp \(upstream.label): \(error)", error: .networkError, blamesUpstream: false))
            }
        }
        timer = loopSide.loop.schedule(after: early == nil ? timeout : 0, self, token: 0)
    }

    func cancel() {
        isOver = true
        loopSide.loop.cancel(timer)
        port?.leave(id)
        port = nil
        owner = nil
    }

    func timerFired(_ token: UInt64) {
        if let early { return end(early) }
        // The way from this port may lead to somebody who is gone, as behind an address that many share.
        port?.retire()
        if nearMisses > 0 { return end(.suspicious) }
        end(
            .failed(
                AttemptFailure(
                    text: "read udp \(upstream.label): i/o timeout", error: .noReachableAuthority, isSilence: true)))
    }

    func sendFailed() {
        end(.failed(AttemptFailure(text: "write udp \(upstream.label): write: failed", error: .networkError)))
    }

    func refused() {
        end(
            .failed(
                AttemptFailure(text: "read udp \(upstream.label): read: connection refused", error: .networkError)))
    }

    /// Takes what came with this query's id.
    ///
    /// - Returns: false when it is no reply to this question.
    func take(_ message: ByteView) -> Bool {
        if message.count == DatagramServerSocket.responseCapacity {
            // More than was offered, and cut by the kernel.
            end(.truncated)
            return true
        }
        switch ReplyCheck.check(message, id: id, query: query, hasEDNS: edns, layout: loopSide.layout) {
        case .unrelated:
            loopSide.meter.mismatched.bump()
            return false
        case .nearMiss:
            loopSide.meter.mismatched.bump()
            nearMisses += 1
            if nearMisses >= Self.mostNearMisses { end(.suspicious) }
            return false
        case .outcome(let outcome):
            end(outcome)
            return true
        }
    }

    func end(_ outcome: AttemptOutcome) {
        guard !isOver else { return }
        let owner = owner
        cancel()
        owner?.attemptEnded(outcome)
    }
}
