import DNSServer
import DNSWire
import EventLoop

/// One question under way to upstreams, and everybody who waits for its answer.
final class ForwardedQuestion: AttemptOwner, TimerTarget {
    struct Waiter: Sendable {
        let place: ParkingID
        /// The line whose limit this query counts for.
        let entry: ForwardEntry

        func resume(on server: LoopServer, with resolution: Resolution) {
            entry.leave()
            server.chain.resume(place, with: resolution)
        }
    }

    let key: QuestionKey
    private let query: UpstreamQuery
    private let handler: ForwardHandler
    private var waiters: [Waiter]
    private var line: Int
    private var plan: AttemptPlan
    private var attempt: (any Attempt)?
    private var upstream: Upstream?
    private var attemptStart: UInt64 = 0
    private var isOverStream = false
    private let deadline: UInt64
    /// The last reply that made another line be asked.
    private var fallback: UpstreamResponse?

    init(_ key: QuestionKey, _ query: UpstreamQuery, first: Waiter, line: Int, handler: ForwardHandler) {
        self.key = key
        self.query = query
        self.handler = handler
        self.line = line
        waiters = [first]
        plan = Self.plan(line, query, handler)
        deadline = handler.loopSide.loop.now &+ ForwardSettings.questionTimeout
    }

    private static func plan(_ line: Int, _ query: UpstreamQuery, _ handler: ForwardHandler) -> AttemptPlan {
        let entry = handler.entry(line)
        return AttemptPlan(
            order: handler.order(line), limit: entry.maximumAttempts, forcesTCP: entry.settings.forcesTCP,
            connected: entry.connected, failover: entry.settings.failover, needsEDNS: query.needsEDNS)
    }

    func join(_ waiter: Waiter) { waiters.append(waiter) }

    func takeWaiters() -> [Waiter] {
        defer { waiters = [] }
        return waiters
    }

    func begin() { perform(plan.first(), mayEnd: false) }

    func attemptEnded(_ outcome: AttemptOutcome) {
        attempt = nil
        let now = handler.loopSide.loop.now
        if let upstream {
            switch outcome {
            case .reply(let reply):
                handler.loopSide.meter.observe(upstream, reply.code, now &- attemptStart)
                tell(upstream, reply, taken: now &- attemptStart)
            case .failed(let failure) where failure.blamesUpstream:
                HealthProbe.begin(upstream, handler.entry(line), on: handler.loopSide)
            default: break
            }
        }
        perform(plan.next(after: outcome, timeLeft: now < deadline), mayEnd: true)
    }

    private func tell(_ upstream: Upstream, _ reply: UpstreamResponse, taken: UInt64) {
        guard !handler.taps.isEmpty else { return }
        let octets = query.octets(id: 0, edns: true)
        for tap in handler.taps {
            tap.forwarded(octets, reply.octets, to: upstream.address, overStream: isOverStream, taken: taken)
        }
    }

    /// - Parameter mayEnd: false within the call that brought the question, when its query is not parked yet.
    private func perform(_ action: AttemptPlan.Action, mayEnd: Bool) {
        switch action {
        case .ask(let position, let stream, let edns):
            ask(handler.entry(line), position, stream: stream, edns: edns)
        case .answer(let reply):
            guard !wantsNextLine(reply) else { return askNextLine(reply) }
            end(.response(reply), passesOn: reply.code == .nameError)
        case .fail(let failure):
            guard mayEnd else {
                handler.loopSide.loop.schedule(after: 0, self, token: 0)
                return
            }
            if let fallback { return handler.ended(self, .response(fallback)) }
            end(.failed(.serverFailure, failure.error, because: failure.text), passesOn: true)
        }
    }

    /// - Parameter passesOn: true when others may be asked instead, where the line says so.
    private func end(_ resolution: Resolution, passesOn: Bool) {
        let isPassedOn = passesOn && withBytes(key.folded) { handler.passesOn($0, line) }
        handler.ended(self, isPassedOn ? .passedOn(otherwise: resolution) : resolution)
    }

    func timerFired(_ token: UInt64) { perform(plan.first(), mayEnd: true) }

    private func ask(_ entry: ForwardEntry, _ position: Int, stream: Bool, edns: Bool) {
        let side = handler.loopSide
        let target = entry.upstreams[position]
        upstream = target
        isOverStream = stream
        attemptStart = side.loop.now
        let left = deadline > attemptStart ? deadline - attemptStart : 0
        let attempt: any Attempt =
            stream
            ? StreamAttempt(
                target, query, edns: edns, pool: side.pool(target, entry.settings), on: side, owner: self)
            : DatagramAttempt(target, query, edns: edns, on: side, owner: self)
        self.attempt = attempt
        attempt.start(timeout: min(entry.settings.readTimeout, left))
    }

    // MARK: Several lines

    private func wantsNextLine(_ reply: UpstreamResponse) -> Bool {
        let settings = handler.entry(line).settings
        return settings.next.contains(reply.code)
            || settings.nextOnNoData && reply.code == .noError && !reply.isPositive
    }

    private func askNextLine(_ reply: UpstreamResponse) {
        let next = withBytes(key.folded) { handler.line(for: $0, from: line + 1) }
        guard let next, !handler.entry(next).isLooping else { return handler.ended(self, .response(reply)) }
        fallback = reply
        line = next
        plan = Self.plan(next, query, handler)
        perform(plan.first(), mayEnd: true)
    }
}
