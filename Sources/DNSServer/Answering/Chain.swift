import DNSWire
import EventLoop
import Telemetry

/// Where a query is on its way through the handlers.
struct ChainPosition {
    /// Nil while the server block is to be found.
    var block: LoopBlock?
    var handler = 0
    /// The block of the first question, whose handlers see the way out, and the last of them it met.
    var firstBlock: LoopBlock?
    var firstHandler = 0
    /// Handlers of that block before this one have nothing to do with the question: one behind them asked it.
    var lowest = 0

    var hasHandlersBehind: Bool { handler + 1 < block?.handlers.count ?? 0 }

    /// The start of a question that the handler at `asker` asks those behind it.
    static func behind(_ asker: ChainPosition) -> ChainPosition {
        let next = asker.handler + 1
        return ChainPosition(block: asker.block, handler: next, firstBlock: asker.block, lowest: next)
    }
}

/// Answers queries on one loop: runs the handlers of server blocks in order, then the way out in reverse; keeps queries
/// that wait for the network, and lets handlers ask again.
package final class Chain {
    let loop: EventLoop
    let counters: ServerCounters
    let parking: ParkingLot
    let memory: MemoryBudget
    private let foldedScratch = ByteBlock(capacity: 256)
    private let scratch = ByteBlock(capacity: Exchange.scratchCapacity)
    private let buffer = ByteBlock(capacity: 65535 + 2)
    var innerMemory: [InnerMemory] = []

    init(loop: EventLoop, counters: ServerCounters, parkingCapacity: Int, memory: MemoryBudget) {
        self.loop = loop
        self.counters = counters
        self.memory = memory
        parking = ParkingLot(capacity: parkingCapacity)
    }

    /// Where a response is written that is completed outside of a batch or goes over a stream: its first two octets are
    /// for the length.
    var streamOutput: OutputBytes { buffer.bytes }

    /// True while no query waits.
    var isIdle: Bool { parking.taken == 0 }

    // MARK: Answering

    /// What became of a received message.
    enum Answered {
        /// A response of so many octets stands in the output.
        case response(Int)
        /// As above, and further messages follow it.
        case begun(Int, any MessageSource)
        /// The query waits for the network; its response comes later.
        case waiting
        /// Not a query at all.
        case invalid
        /// There is to be no response.
        case silent
    }

    /// Answers one message into `output`.
    ///
    /// - Parameter takesStreams: whether an answer may be several messages; one that has to be is refused otherwise.
    func answer(
        _ message: ByteView, into output: OutputBytes, client: SocketAddress, transport: Transport,
        takesStreams: Bool, router: ServerBlockRouter, asker: @autoclosure () -> Asker
    ) -> Answered {
        var query = Query()
        let acceptance = parse(message, into: &query)
        if acceptance == .dropped {
            counters.dropped.bump()
            return .invalid
        }
        var writer = MessageWriter(output)
        writer.begin(message, query, size: Exchange.sizeLimit(query, transport))
        var exchange = Exchange(
            message: message, asked: query, response: writer, client: client, transport: transport,
            received: loop.now, scratch: scratch.bytes)
        if let code = Self.refusal(acceptance, query, router) {
            counters.rejected.bump()
            exchange.response.code = code
            return .response(exchange.response.finish(query))
        }
        switch acceptance == .notify ? takeNotice(&exchange, router) : walk(&exchange, router) {
        case .complete:
            let length = complete(&exchange, takesStreams: takesStreams)
            guard let continuation = exchange.continuation else { return .response(length) }
            return .begun(length, continuation)
        case .silent:
            counters.dropped.bump()
            return .silent
        case .parked(let id):
            keep(exchange, at: id, for: asker())
            return .waiting
        }
    }

    func parse(_ message: ByteView, into query: inout Query) -> Acceptance {
        QuestionParser.parse(message, into: &query, scratch: foldedScratch.bytes)
    }

    /// What is refused before any plugin is asked.
    private static func refusal(
        _ acceptance: Acceptance, _ query: Query, _ router: ServerBlockRouter
    ) -> ResponseCode? {
        if case .rejected(let code) = acceptance { return code }
        if let edns = query.edns, edns.version != 0 { return .badVersion }
        if query.class == RecordClass.internet { return nil }
        // No plugin of this server but `chaos` speaks for another class.
        return query.class == RecordClass.chaos && router.answersChaos ? nil : .refused
    }

    // MARK: The way in

    /// How a walk through handlers ended.
    enum Outcome {
        /// The response is complete but for its header.
        case complete
        case parked(ParkingID)
        case silent
    }

    /// Walks on from where the query is, through the whole server for each CNAME, until it has an answer or waits.
    ///
    /// - Parameter verdict: what the handler it is at has decided already.
    func walk(
        _ exchange: inout Exchange, _ router: ServerBlockRouter, after verdict: Verdict? = nil
    ) -> Outcome {
        exchange.server = router.address
        var decided = verdict
        while true {
            let verdict = decided ?? step(&exchange, router)
            decided = nil
            switch verdict {
            case .answered: return .complete
            case .next: exchange.position.handler += 1
            case .chase: exchange.position.block = nil
            case .ask(let subquery): decided = ask(subquery, for: &exchange, router)
            case .suspended(let id): return .parked(id)
            case .dropped: return .silent
            case .failed(let code, let error, let reason):
                exchange.fail(code, error, because: reason)
                return .complete
            }
        }
    }

    /// Asks handlers from where the query is until one decides.
    private func step(_ exchange: inout Exchange, _ router: ServerBlockRouter) -> Verdict {
        guard let block = exchange.position.block ?? find(&exchange, router) else {
            // A CNAME that leads out of what this server answers is itself the answer (RFC 1034 §4.3.2).
            return exchange.isFirstQuestion ? .failed(.refused, .notAuthoritative) : .answered
        }
        guard exchange.question.class == RecordClass.internet || block.answersChaos else {
            return .failed(.refused, .notAuthoritative)
        }
        while exchange.position.handler < block.handlers.count {
            let place = exchange.position.handler
            if exchange.isFirstQuestion { exchange.position.firstHandler = place }
            let verdict = block.handlers[place].answer(&exchange)
            if case .next = verdict {
                exchange.position.handler = place + 1
                continue
            }
            if !exchange.isAdopted { exchange.answeredBy = block.names[place] }
            return verdict
        }
        guard exchange.isFirstQuestion else {
            if exchange.isMissing { exchange.response.code = .nameError }
            return .answered
        }
        exchange.answeredBy = ""
        // Nobody wanted it: a block without a plugin for the name refuses it.
        return block.refusesOthers && !exchange.isMissing
            ? .failed(.refused, .notAuthoritative)
            : .failed(.serverFailure, .notAuthoritative, because: "no next plugin found")
    }

    /// Lets the handlers of the zone's block hear that it has changed; what none of them takes is not implemented.
    private func takeNotice(_ exchange: inout Exchange, _ router: ServerBlockRouter) -> Outcome {
        exchange.server = router.address
        let block = find(&exchange, router)
        for (place, handler) in (block?.handlers ?? []).enumerated() {
            exchange.position.firstHandler = place
            switch handler.takeNotice(&exchange) {
            case .next, .chase, .ask, .suspended: continue
            case .answered: exchange.isAuthoritative = true
            case .failed(let code, let error, let reason): exchange.fail(code, error, because: reason)
            case .dropped: return .silent
            }
            exchange.answeredBy = block?.names[place] ?? ""
            return .complete
        }
        counters.rejected.bump()
        exchange.response.code = .notImplemented
        return .complete
    }

    private func find(_ exchange: inout Exchange, _ router: ServerBlockRouter) -> LoopBlock? {
        guard let block = router.find(exchange) else { return nil }
        exchange.position.block = block
        exchange.position.handler = 0
        if exchange.position.firstBlock == nil { exchange.position.firstBlock = block }
        return block
    }

    // MARK: The way out

    /// Completes the response, which its seal closes last; gives the length.
    ///
    /// - Parameter takesStreams: false where an answer is one message.
    func complete(_ exchange: inout Exchange, takesStreams: Bool = false) -> Int {
        if exchange.continuation != nil, !takesStreams { exchange.refuseSeveralMessages() }
        let length = finish(&exchange)
        guard let seal = exchange.seal else { return length }
        if let source = exchange.continuation { exchange.continuation = SealedSource(source, seal) }
        return seal.close(&exchange.response)
    }

    /// Completes header and OPT and lets the handlers of the first question see the result; gives the length.
    private func finish(_ exchange: inout Exchange) -> Int {
        if exchange.isAuthoritative { exchange.response.flags |= HeaderFlag.authoritative }
        let block = exchange.position.firstBlock
        if let block, block.offersRecursion { exchange.response.flags |= HeaderFlag.recursionAvailable }
        if exchange.style.isMinimal { exchange.response.keepOnlyAnswers(exchange.asked) }
        let length = exchange.response.finish(exchange.asked)
        exchange.responseSize = length
        guard let block else { return length }
        let last = exchange.position.firstHandler
        if !exchange.isFirstQuestion, last < block.names.count { exchange.answeredBy = block.names[last] }
        var position = min(last, block.handlers.count - 1)
        while position >= exchange.position.lowest {
            block.handlers[position].finish(&exchange)
            position -= 1
        }
        return length
    }
}

/// A server block's handlers on one loop.
final class LoopBlock {
    let handlers: [any Handler]
    /// Directive of each handler, for labels.
    let names: [String]
    let offersRecursion: Bool
    let answersChaos: Bool
    /// Whether a handler vouches for names.
    let tellsChanges: Bool
    /// Whether what nobody wants is refused, and not a failure.
    let refusesOthers: Bool
    /// Decides whether this block takes a question; nil for one that takes all of its zones.
    let filter: (any QuestionFilter)?

    init(_ block: ServerBlock, on server: LoopServer) {
        var handlers: [any Handler] = []
        var names: [String] = []
        for plugin in block.plugins {
            guard let handler = plugin.makeHandler(on: server) else { continue }
            handlers.append(handler)
            names.append(plugin.directive)
        }
        self.handlers = handlers
        self.names = names
        tellsChanges = handlers.contains { $0.tellsChanges }
        refusesOthers = handlers.last?.refusesOthers ?? true
        offersRecursion = block.offersRecursion
        answersChaos = block.answersChaos
        filter = block.plugins.lazy.compactMap { $0 as? any BlockCondition }.first?.makeQuestionFilter(on: server)
    }
}

/// Finds the server block for a name among those of one address: the longest zone wins.
final class ServerBlockRouter {
    private let zones: [(wire: ByteBlock, block: LoopBlock)]
    private let hasFilters: Bool
    /// What clients are told of changes at most.
    let push: PushLimits
    /// True when one of the blocks tells what changes; not where who asks decides which block answers.
    let tellsChanges: Bool
    /// True when one of the blocks has an answer to questions of class CH.
    let answersChaos: Bool
    /// Where the blocks listen; nil for a router of no blocks.
    let address: SocketAddress?

    init(_ zones: [(Name, LoopBlock)], at address: SocketAddress? = nil, push: PushLimits = PushLimits()) {
        self.push = push
        self.address = address
        hasFilters = zones.contains { $0.1.filter != nil }
        answersChaos = zones.contains { $0.1.answersChaos }
        tellsChanges = push.isOn && !hasFilters && zones.contains { $0.1.tellsChanges }
        // Stable, so that of equal zones the first in the file is asked.
        self.zones = zones.enumerated()
            .sorted { ($1.element.0.wire.count, $0.offset) < ($0.element.0.wire.count, $1.offset) }
            .map { (ByteBlock($0.element.0.wire), $0.element.1) }
    }

    /// The block for the current question.
    func find(_ exchange: borrowing Exchange) -> LoopBlock? {
        let question = exchange.question
        guard hasFilters else { return find(question.folded, type: question.type) }
        return findFiltered(exchange)
    }

    // Apart, so that servers without conditions pay for none: each filter is asked once, top to bottom.
    @inline(never)
    private func findFiltered(_ exchange: borrowing Exchange) -> LoopBlock? {
        let question = exchange.question
        var child: LoopBlock?
        for (wire, block) in zones where question.folded.isSubdomain(of: wire.view) {
            if let filter = block.filter, !filter.takes(exchange) { continue }
            guard question.type == .ds, wire.view.count == question.folded.count else { return block }
            if child == nil { child = block }
        }
        return child
    }

    /// - Parameter name: folded wire form.
    /// - Parameter type: DS is answered by the parent of the zone that the name is the apex of (RFC 4035 §3.1.4.1).
    private func find(_ name: ByteView, type: RecordType) -> LoopBlock? {
        var child: LoopBlock?
        for (wire, block) in zones where name.isSubdomain(of: wire.view) {
            guard type == .ds, wire.view.count == name.count else { return block }
            if child == nil { child = block }
        }
        return child
    }
}
