import DNSServer
import DNSWire
import EventLoop

/// One query over a connection that others may use as well.
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
    private var isRepeated = false
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
        connect()
        timer = loopSide.loop.schedule(after: startFailure == nil ? timeout : 0, self, token: 0)
    }

    /// - Parameter start: over a connection that was not opened before this time.
    private func connect(since start: UInt64 = 0) {
        do throws(AttemptFailure) {
            let (stream, wasOpen) = try pool.stream(since: start)
            self.stream = stream
            self.wasOpen = wasOpen
            sentAt = loopSide.loop.now
            stream.send(self)
        } catch {
            startFailure = error
        }
    }

    /// What `message`, which has the right id, is to this query; nil when it is for another question.
    func outcome(of message: [UInt8]) -> AttemptOutcome? {
        withBytes(withQuestionCase(message)) { view in
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
        let isOther = withBytes(message) { view in
            let asked = view.slice(12, name.count)
            return !asked.equals(name) && asked.equalsName(name)
        }
        guard isOther else { return message }
        var message = message
        message.replaceSubrange(12..<(12 + name.count), with: name.array)
        return message
    }

    /// The upstream will not answer this query.
    func refused(_ reason: String) {
        stream = nil
        end(.failed(upstream.failure(UpstreamSessionEnd(reason))))
    }

    /// - Parameter mayRepeat: true when the connection had worked, so that the query may be asked over another.
    func streamFailed(_ reason: UpstreamSessionEnd, mayRepeat: Bool) {
        stream = nil
        guard !isOver else { return }
        if mayRepeat || wasOpen, !isRepeated {
            isRepeated = true
            connect(since: loopSide.loop.now)
            guard let startFailure else { return }
            return end(.failed(startFailure))
        }
        end(.failed(upstream.failure(reason)))
    }

    func timerFired(_ token: UInt64) {
        end(
            .failed(
                startFailure
                    ?? AttemptFailure(
                        text: "read \(upstream.transport) \(upstream.label): i/o timeout",
                        error: .noReachableAuthority)))
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
