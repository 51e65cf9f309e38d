import DNSServer
import DNSWire

/// What one try at one upstream came to.
enum AttemptOutcome {
    case reply(UpstreamResponse)
    /// The reply was cut to fit a datagram.
    case truncated
    /// FORMERR from a server that does not know EDNS (RFC 6891 §7).
    case needsPlainQuery
    /// Several replies almost matched: somebody may be guessing (RFC 5452 §9.2).
    case suspicious
    /// No reply, or none that may be used.
    case failed(AttemptFailure)
}

/// Why a try gave no reply.
struct AttemptFailure: Error, Equatable {
    /// For the error log, in Go's words, since people search for them.
    let text: String
    let error: ExtendedError
    /// False when another upstream would say the same.
    var mayTryAnother = true
    /// True when the upstream itself seems to be at fault.
    var blamesUpstream = true
    /// True when a datagram was sent and nothing came back.
    var isSilence = false
}

/// Decides whom to ask next for one question; no clock, no socket.
struct AttemptPlan {
    enum Action {
        case ask(upstream: Int, stream: Bool, edns: Bool)
        case answer(UpstreamResponse)
        case fail(AttemptFailure)
    }

    private let order: [Int]
    private let limit: Int
    private let forcesTCP: Bool
    private let connected: Set<Int>
    private let failover: Set<ResponseCode>
    private let needsEDNS: Bool
    /// Positions that said nothing to a datagram: something on the way there may not let EDNS pass.
    private var silent: Set<Int> = []
    private var cursor = 0
    private var attempts = 0
    private var stream: Bool
    private var edns = true
    private var lastFailure: AttemptFailure?
    private var lastReply: UpstreamResponse?
    private var refusals = 0

    /// - Parameters:
    ///   - order: positions of the upstreams to try, at least one.
    ///   - limit: the most tries in all.
    ///   - connected: positions of the upstreams that are asked over connections only.
    ///   - needsEDNS: true when an answer that was asked for without it is of no use.
    init(
        order: [Int], limit: Int, forcesTCP: Bool, connected: Set<Int> = [], failover: Set<ResponseCode>,
        needsEDNS: Bool = false
    ) {
        self.order = order
        self.limit = limit
        self.forcesTCP = forcesTCP
        self.connected = connected
        self.failover = failover
        self.needsEDNS = needsEDNS
        stream = forcesTCP
    }

    mutating func first() -> Action { ask() }

    mutating func next(after outcome: AttemptOutcome, timeLeft: Bool) -> Action {
        switch outcome {
        case .reply(let reply):
            guard failover.contains(reply.code) else { return .answer(reply) }
            lastReply = reply
            refusals += 1
            return refusals < order.count ? advance(timeLeft) : .answer(reply)
        case .truncated, .suspicious:
            guard !stream, !isConnected else {
                return fail(AttemptFailure(text: "dns: reply over TCP is cut", error: .networkError), timeLeft)
            }
            stream = true
            return timeLeft ? ask(counting: false) : giveUp()
        case .needsPlainQuery:
            guard edns else {
                return fail(AttemptFailure(text: "dns: FORMERR", error: .networkError, blamesUpstream: false), timeLeft)
            }
            edns = false
            return timeLeft ? ask(counting: false) : giveUp()
        case .failed(let failure):
            return fail(failure, timeLeft)
        }
    }

    private mutating func fail(_ failure: AttemptFailure, _ timeLeft: Bool) -> Action {
        lastFailure = failure
        if failure.isSilence, let current { silent.insert(current) }
        return failure.mayTryAnother ? advance(timeLeft) : .fail(failure)
    }

    private mutating func advance(_ timeLeft: Bool) -> Action {
        cursor += 1
        stream = forcesTCP
        edns = needsEDNS || !isEDNSInDoubt
        guard timeLeft, attempts < limit else { return giveUp() }
        return ask()
    }

    private mutating func ask(counting: Bool = true) -> Action {
        guard let upstream = current else {
            return .fail(AttemptFailure(text: "no healthy proxies", error: .noReachableAuthority))
        }
        if counting { attempts += 1 }
        return .ask(upstream: upstream, stream: stream || isConnected, edns: edns)
    }

    /// Whose turn it is; nil when there is nobody to ask.
    private var current: Int? { order.isEmpty ? nil : order[cursor % order.count] }

    /// True for who was silent before, and for anybody once two were: what holds EDNS back may stand before all of them.
    private var isEDNSInDoubt: Bool { silent.count > 1 || current.map(silent.contains) ?? false }

    private var isConnected: Bool { current.map(connected.contains) ?? false }

    private func giveUp() -> Action {
        if let lastReply { return .answer(lastReply) }
        return .fail(lastFailure ?? AttemptFailure(text: "i/o timeout", error: .noReachableAuthority))
    }
}
