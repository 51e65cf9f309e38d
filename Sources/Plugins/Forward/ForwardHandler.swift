import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Decides which questions go to which upstreams, and joins equal ones.
final class ForwardHandler: Handler {
    private unowned let server: LoopServer
    let loopSide: ForwardLoopSide
    /// Told of what is sent and comes back.
    let taps: [any UpstreamTap]
    private var lines: [Line]
    private var underWay: [QuestionKey: ForwardedQuestion] = [:]
    /// Those of all loops.
    private let shared: QuestionsUnderWay

    /// One `forward` line as this loop uses it.
    private struct Line {
        let entry: ForwardEntry
        let from: ZoneSet
        let except: ZoneSet
        /// Names that others may answer when the upstreams do not know them.
        let passedOn: ZoneSet?
        var choice: UpstreamChoice
    }

    init(
        _ entries: [ForwardEntry], on server: LoopServer, _ meter: UpstreamMeter, _ shared: QuestionsUnderWay,
        _ taps: [any UpstreamTap] = []
    ) {
        self.shared = shared
        self.taps = taps
        self.server = server
        loopSide = ForwardLoopSide(loop: server.loop, meter: meter)
        lines = entries.map { entry in
            Line(
                entry: entry, from: ZoneSet([entry.settings.from]), except: ZoneSet(entry.settings.except),
                passedOn: entry.settings.fallthroughZones.map { ZoneSet($0) },
                choice: UpstreamChoice(entry.settings.policy))
        }
        // Known to be down from the configuration before: nobody would ask it, so nobody would see it come back.
        for entry in entries {
            for upstream in entry.upstreams where upstream.isDown(limit: entry.settings.maximumFailures) {
                HealthProbe.begin(upstream, entry, on: loopSide)
            }
        }
    }

    // MARK: On the way in

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard let line = self.line(for: question.folded, from: 0) else { return .next }
        guard exchange.asked.recursionDesired || lines[line].entry.settings.asksWithoutRecursion else {
            // A CNAME of ours is an answer without its target too (RFC 1034 §4.3.2).
            return exchange.isFirstQuestion ? .failed(.refused, .notAuthoritative) : .answered
        }
        guard question.type != .axfr, question.type != .ixfr else {
            return .failed(.refused, .notSupported)
        }
        let entry = lines[line].entry
        guard !entry.isLooping else {
            return .failed(.serverFailure, .networkError, because: "upstream leads back to this server")
        }
        return wait(exchange, line)
    }

    private func wait(_ exchange: borrowing Exchange, _ line: Int) -> Verdict {
        let entry = lines[line].entry
        guard entry.enter() else {
            loopSide.meter.rejected?.bump()
            return .failed(
                .refused, .noReachableAuthority,
                because: "concurrent queries exceeded maximum \(entry.settings.maximumConcurrent)")
        }
        guard let place = server.chain.park(for: exchange.client) else {
            entry.leave()
            return server.chain.verdictWithoutPlace
        }
        let waiter = ForwardedQuestion.Waiter(place: place, entry: entry)
        let key = QuestionKey(exchange.question, exchange.asked, exchange.upstreamOptions)
        if let question = underWay[key] {
            loopSide.meter.coalesced.bump()
            question.join(waiter)
        } else if shared.isAsked(key, on: server.loop.handle, waiter) {
            loopSide.meter.coalesced.bump()
        } else {
            let query = UpstreamQuery(
                name: exchange.question.name, type: exchange.question.type, class: exchange.question.class,
                dnssecOK: exchange.asked.edns?.dnssecOK ?? false,
                checkingDisabled: exchange.asked.checkingDisabled,
                recursionDesired: exchange.asked.recursionDesired,
                options: exchange.upstreamOptions?.octets ?? [])
            let question = ForwardedQuestion(key, query, first: waiter, line: line, handler: self)
            underWay[key] = question
            question.begin()
        }
        return .suspended(place)
    }

    // MARK: For questions under way

    /// The first line from position `start` on that wants `name`.
    func line(for name: ByteView, from start: Int) -> Int? {
        for position in start..<max(start, lines.count)
        where lines[position].from.contains(name) && !lines[position].except.contains(name) {
            return position
        }
        return nil
    }

    func entry(_ line: Int) -> ForwardEntry { lines[line].entry }

    /// True when the handlers behind this one may answer what the upstreams of `line` do not.
    func passesOn(_ name: ByteView, _ line: Int) -> Bool { lines[line].passedOn?.contains(name) ?? false }

    /// Whom to ask for one question of `line`, in order; empty when nobody is to be asked.
    func order(_ line: Int) -> [Int] {
        let entry = lines[line].entry
        let limit = entry.settings.maximumFailures
        let order = lines[line].choice.order(entry.upstreams.count) { entry.upstreams[$0].isDown(limit: limit) }
        guard order.isEmpty else { return order }
        loopSide.meter.allDown?.bump()
        // Probes may be wrong; asking anyone is better than asking no one.
        return entry.settings.failsWhenAllAreDown ? [] : [Int.random(in: entry.upstreams.indices)]
    }

    /// Hands the result to everybody who waits for it.
    func ended(_ question: ForwardedQuestion, _ resolution: Resolution) {
        underWay[question.key] = nil
        shared.end(question.key, resolution)
        for waiter in question.takeWaiters() { waiter.resume(on: server, with: resolution) }
    }
}

/// What makes two questions one for an upstream.
struct QuestionKey: Hashable, Sendable {
    /// Keyed by the process, and computed once: the key is looked for in several tables.
    let hash: Int
    private let name: [UInt8]
    private let type: RecordType
    private let `class`: UInt16
    private let dnssecOK: Bool
    private let checkingDisabled: Bool
    private let recursionDesired: Bool
    private let options: [UInt8]

    init(_ question: Question, _ asked: Query, _ options: UpstreamOptions?) {
        name = question.folded.array
        type = question.type
        `class` = question.class
        dnssecOK = asked.edns?.dnssecOK ?? false
        checkingDisabled = asked.checkingDisabled
        recursionDesired = asked.recursionDesired
        self.options = options?.octets ?? []
        var hasher = Hasher()
        hasher.combine(name)
        hasher.combine(type)
        hasher.combine(`class`)
        hash = hasher.finalize()
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    var folded: [UInt8] { name }
}
