import DNSServer
import DNSWire
import EventLoop

/// The TCP connections of one loop to one upstream.
final class StreamPool {
    private let upstream: Upstream
    private let settings: ForwardSettings
    private unowned let loopSide: ForwardLoopSide
    private var streams: [UpstreamStream] = []

    init(_ upstream: Upstream, _ settings: ForwardSettings, on loopSide: ForwardLoopSide) {
        self.upstream = upstream
        self.settings = settings
        self.loopSide = loopSide
    }

    /// A connection to ask over, and whether it was open before.
    func stream(fresh: Bool) throws(SystemError) -> (UpstreamStream, wasOpen: Bool) {
        if !fresh, let open = streams.first(where: { $0.takesQueries }) {
            loopSide.countConnection(upstream, wasOpen: true)
            return (open, true)
        }
        let stream = try UpstreamStream(upstream, settings, pool: self, on: loopSide)
        streams.append(stream)
        loopSide.countConnection(upstream, wasOpen: false)
        let limit = settings.maximumIdleConnections
        if limit > 0, streams.count > limit, let idle = streams.first(where: \.isIdle), idle !== stream { idle.close() }
        return (stream, false)
    }

    func closed(_ stream: UpstreamStream) { streams.removeAll { $0 === stream } }
}

/// One query over a TCP connection that others may use as well.
final class StreamAttempt: Attempt, TimerTarget {
    /// As given by the connection.
    var id: UInt16 = 0
    private let upstream: Upstream
    private let query: UpstreamQuery
    private let edns: Bool
    private let loopSide: ForwardLoopSide
    private let pool: StreamPool
    private var owner: (any AttemptOwner)?
    private var stream: UpstreamStream?
    private var wasOpen = false
    private var sentAt: UInt64 = 0
    private var timer = TimerID.none
    private var startFailure: AttemptFailure?
    private var isOver = false

    init(
        _ upstream: Upstream, _ query: UpstreamQuery, edns: Bool, pool: StreamPool, on loopSide: ForwardLoopSide,
        owner: any AttemptOwner
    ) {
        self.upstream = upstream
        self.query = query
        self.edns = edns
        self.pool = pool
        self.loopSide = loopSide
        self.owner = owner
    }

    func octets(id: UInt16) -> [UInt8] { query.octets(id: id, edns: edns) }

    func start(timeout: UInt64) {
        connect(fresh: false)
        timer = loopSide.loop.schedule(after: startFailure == nil ? timeout : 0, self, token: 0)
    }

    private func connect(fresh: Bool) {
        do throws(SystemError) {
            let (stream, wasOpen) = try pool.stream(fresh: fresh)
            self.stream = stream
            self.wasOpen = wasOpen
            sentAt = loopSide.loop.now
            stream.send(self)
        } catch {
            // Descriptors or routes are missing on this side.
            startFailure = AttemptFailure(
                text: "dial tcp \(upstream.label): \(error)", error: .networkError, blamesUpstream: false)
        }
    }

    /// What `message`, which has the right id, is to this query; nil when it is for another question.
    func outcome(of message: [UInt8]) -> AttemptOutcome? {
        let message = withQuestionCase(message)
        return withBytes(message) { view in
            switch ReplyCheck.check(view, id: id, query: query, hasEDNS: edns, layout: loopSide.layout) {
            case .unrelated, .nearMiss: nil
            case .outcome(let outcome): outcome
            }
        }
    }

    /// Letter case proves nothing over TCP, where nobody can guess: a server that folds it is understood.
    private func withQuestionCase(_ message: [UInt8]) -> [UInt8] {
        let name = query.name
        guard message.count >= 12 + name.count else { return message }
        var message = message
        let isEqual = withBytes(message) { $0.slice(12, name.count).equalsName(name) }
        if isEqual { message.replaceSubrange(12..<(12 + name.count), with: name.array) }
        return message
    }

    func streamFailed(_ reason: String) {
        stream = nil
        guard !isOver else { return }
        if wasOpen {
            // The upstream closed an idle connection just as we used it: once more over a new one (RFC 7766 §6.2.4).
            connect(fresh: true)
            guard let startFailure else { return }
            return end(.failed(startFailure))
        }
        end(.failed(AttemptFailure(text: "read tcp \(upstream.label): \(reason)", error: .networkError)))
    }

    func timerFired(_ token: UInt64) {
        end(
            .failed(
                startFailure
                    ?? AttemptFailure(text: "read tcp \(upstream.label): i/o timeout", error: .noReachableAuthority)))
    }

    func end(_ outcome: AttemptOutcome) {
        guard !isOver else { return }
        let owner = owner
        cancel()
        owner?.attemptEnded(outcome)
    }

    func cancel() {
        isOver = true
        loopSide.loop.cancel(timer)
        stream?.forget(id, sentAt: sentAt)
        stream = nil
        owner = nil
    }
}
