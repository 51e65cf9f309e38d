import Corefile
import DNSWire
package import EventLoop
import Telemetry

/// The server on one event loop: its listeners, the handlers of the current plan, and the queries that wait.
package final class LoopServer {
    package let loop: EventLoop
    private var listeners: [SocketAddress: AddressListeners] = [:]
    private var prepared: [SocketAddress: AddressListeners] = [:]
    let parking: ParkingLot
    let posted = PostedListeners()
    private var blocks: [LoopBlock] = []
    private let foldedScratch = ByteBlock(capacity: 256)
    private let aliasScratch = ByteBlock(capacity: Exchange.aliasScratchCapacity)
    /// Room for responses that are completed outside of a batch or go over a stream; two octets for the length first.
    let streamRoom = ByteBlock(capacity: 65535 + 2)
    let counters: ServerCounters
    let streamLimits: StreamLimits
    /// Answers of several messages under way.
    var streamedAnswers = 0
    /// The block and the handler of it being asked now.
    var runningBlock: LoopBlock?
    var runningPosition = 0
    /// Where aliases of the question being answered are routed.
    var runningRouter: ServerBlockRouter?
    /// How many questions the one being answered is inside of.
    var innerDepth = 0
    var innerRooms: [InnerRoom] = []

    struct AddressListeners {
        let datagrams: UDPListener
        let streams: TCPListener
    }

    package init(loop: EventLoop, counters: ServerCounters, streamLimits: StreamLimits, parkingCapacity: Int = 2048) {
        self.loop = loop
        self.counters = counters
        self.streamLimits = streamLimits
        parking = ParkingLot(capacity: parkingCapacity)
    }

    // MARK: Plans

    /// Opens what `plan` needs and this loop does not have yet; nothing is answered from it before `activate`.
    package func prepare(_ plan: ServingPlan) throws(SystemError) {
        prepared = [:]
        for address in plan.addresses where listeners[address] == nil {
            do throws(SystemError) {
                prepared[address] = AddressListeners(
                    datagrams: try UDPListener(address, on: self), streams: try TCPListener(address, on: self))
            } catch {
                prepared = [:]
                throw SystemError(call: "listen on \(address): \(error.call)", code: error.code)
            }
        }
    }

    package func discardPrepared() { prepared = [:] }

    /// Answers by `plan` from now on. Sockets whose address stays are kept, so that no query is lost.
    package func activate(_ plan: ServingPlan) {
        let blocks = plan.blocks.map { LoopBlock($0, on: self) }
        let addresses = Set(plan.addresses)
        for (address, pair) in listeners where !addresses.contains(address) {
            pair.datagrams.close()
            pair.streams.close()
            listeners[address] = nil
        }
        for (address, pair) in prepared {
            listeners[address] = pair
            pair.datagrams.open()
            pair.streams.open()
        }
        prepared = [:]
        for (address, pair) in listeners {
            let router = Self.router(plan, blocks, .dns, address)
            pair.datagrams.router = router
            pair.streams.router = router
        }
        posted.listen(plan.secureEndpoints.map(\.place)) { Self.router(plan, blocks, $0.scheme, $0.address) }
        self.blocks = blocks
    }

    private static func router(
        _ plan: ServingPlan, _ blocks: [LoopBlock], _ scheme: ServerScheme, _ address: SocketAddress
    ) -> ServerBlockRouter {
        let zones = zip(plan.blocks, blocks).flatMap { block, handlers in
            block.listens.filter { $0.address == address && $0.scheme == scheme }.map { ($0.zone, handlers) }
        }
        return ServerBlockRouter(zones, at: address)
    }

    // MARK: Answering

    /// Keeps a place for the query being answered; nil when too many wait already.
    package func park(_ exchange: inout Exchange) -> ParkingID? {
        let id = parking.reserve()
        exchange.parking = id
        return id
    }

    /// What became of a received message.
    enum Answered {
        /// A response of so many octets stands in the output.
        case response(Int)
        /// As above, and further messages follow it.
        case begun(Int, any MessageSource)
        /// The query waits for the network; its response comes later.
        case waiting
        case nothing
    }

    /// Answers one message into `output`.
    func answer(
        _ message: ByteView, into output: OutputBytes, client: SocketAddress, transport: Transport,
        router: ServerBlockRouter, origin: @autoclosure () -> Origin
    ) -> Answered {
        var query = Query()
        let acceptance = parse(message, into: &query)
        if acceptance == .dropped {
            counters.dropped.bump()
            return .nothing
        }
        var writer = MessageWriter(output)
        writer.begin(message, query, size: Exchange.sizeLimit(query, transport))
        var exchange = Exchange(
            message: message, asked: query, response: writer, client: client, transport: transport,
            received: loop.now, aliasScratch: aliasScratch.bytes)
        if let code = Self.refusal(acceptance, query) {
            counters.rejected.bump()
            exchange.response.code = code
            return .response(exchange.response.finish(query))
        }
        var visit = Visit()
        switch walk(&exchange, &visit, router) {
        case .complete:
            let length = complete(&exchange, visit)
            guard let continuation = exchange.continuation, transport == .tcp else { return .response(length) }
            return .begun(length, continuation)
        case .silent:
            counters.dropped.bump()
            return .nothing
        case .parked(let id):
            parking.query(id)?.keep(&exchange, visit, origin())
            return .waiting
        }
    }

    func parse(_ message: ByteView, into query: inout Query) -> Acceptance {
        QuestionParser.parse(message, into: &query, scratch: foldedScratch.bytes)
    }

    /// What is refused before any plugin is asked.
    private static func refusal(_ acceptance: Acceptance, _ query: Query) -> ResponseCode? {
        if case .rejected(let code) = acceptance { return code }
        if let edns = query.edns, edns.version != 0 { return .badVersion }
        // No plugin of this server speaks for another class.
        return query.class == RecordClass.internet ? nil : .refused
    }

    /// Continues the query that waited at `id`; does nothing when it is gone.
    package func resume(_ id: ParkingID, with resolution: Resolution) {
        guard let parked = parking.query(id), let question = parked.question, let origin = parked.origin else {
            parking.leave(id)
            return
        }
        var exchange = revive(parked, size: origin.depth > 0 ? 65535 : Exchange.sizeLimit(parked.asked, parked.transport))
        exchange.question = question
        var visit = parked.visit
        let verdict = apply(resolution, &exchange, visit, origin)
        if let router = origin.router, verdict != nil || reconsider(&exchange, &visit) {
            innerDepth = origin.depth
            let outcome = walk(&exchange, &visit, router, after: verdict)
            innerDepth = 0
            switch outcome {
            case .parked(let next):
                parking.query(next)?.keep(&exchange, visit, origin)
                return parking.leave(id)
            case .silent where origin.depth == 0 && exchange.search == nil:
                counters.dropped.bump()
                switch origin {
                case .stream(let connection): connection.unanswered()
                case .posted(let query): query.answered(.silent)
                case .datagram, .inner, .nobody: break
                }
                return parking.leave(id)
            case .silent: exchange.fail(.serverFailure, because: "no response to a question of a plugin")
            case .complete: break
            }
        }
        let length = complete(&exchange, visit)
        parking.leave(id)
        if case .inner(let question) = origin { return conclude(question, exchange, length: length) }
        deliver(length, to: origin)
    }

    /// The exchange of a query that waited, as it was.
    private func revive(_ parked: ParkedQuery, size: Int) -> Exchange {
        var writer = MessageWriter(streamRoom.bytes.suffix(from: 2))
        writer.resume(
            parked.response.bytes.view(parked.responseLength), answers: parked.answers, size: size, query: parked.asked)
        var exchange = Exchange(
            message: parked.message.bytes.view(parked.messageLength), asked: parked.asked, response: writer,
            client: parked.client, transport: parked.transport, received: parked.received,
            aliasScratch: aliasScratch.bytes)
        exchange.style = parked.style
        exchange.aliases = parked.aliases
        exchange.isAuthoritative = parked.isAuthoritative
        exchange.search = parked.search
        if let names = parked.visit.block?.names, names.indices.contains(parked.visit.position) {
            exchange.answeredBy = names[parked.visit.position]
        }
        return exchange
    }

    /// Lets the handlers of the current question see what came; a verdict when the walk goes on from it.
    private func apply(
        _ resolution: Resolution, _ exchange: inout Exchange, _ visit: Visit, _ origin: Origin
    ) -> Verdict? {
        guard let block = visit.block else { return nil }
        let lowest = block === visit.firstBlock && exchange.isFirstQuestion ? visit.lowestPosition : 0
        var position = visit.position - 1
        switch resolution {
        case .reply(let reply):
            exchange.answer(with: reply)
            while position >= lowest {
                block.handlers[position].received(reply, &exchange)
                position -= 1
            }
        case .failed(let code, let error, let reason):
            exchange.fail(code, error, because: reason)
            while position >= lowest {
                if block.handlers[position].recover(&exchange) { break }
                position -= 1
            }
        case .inner(let response, let note):
            (runningBlock, runningPosition, runningRouter) = (block, visit.position, origin.router)
            innerDepth = origin.depth + 1
            defer { innerDepth = 0 }
            return block.handlers[visit.position].answered(response, &exchange, note: note)
        }
        return nil
    }

    private func deliver(_ length: Int, to origin: Origin) {
        switch origin {
        case .datagram(let listener, let path):
            listener.send(streamRoom.bytes.view(2, length), along: path)
        case .stream(let connection):
            connection.answered(streamRoom.bytes, length: length)
        case .posted(let query):
            query.answered(.response(streamRoom.bytes.view(2, length).array))
        case .inner, .nobody: break
        }
    }

    /// Room in which a stream's response is written: its first two octets are for the length.
    var streamOutput: OutputBytes { streamRoom.bytes }

    // MARK: Stopping

    /// Answers what was received, waits for queries under way up to `grace` nanoseconds, then ends the loop.
    package func drain(grace: UInt64, then done: @escaping () -> Void) {
        for pair in listeners.values {
            pair.streams.stopAccepting()
            pair.datagrams.answerAllReceived()
        }
        let target = DrainTarget(server: self, deadline: loop.now &+ grace, done: done)
        target.timerFired(0)
    }

    fileprivate var isIdle: Bool { parking.taken == 0 }

    fileprivate func closeAll() {
        for pair in listeners.values {
            pair.datagrams.answerAllReceived()
            pair.datagrams.close()
            pair.streams.close()
        }
        listeners = [:]
    }

    private final class DrainTarget: TimerTarget {
        let server: LoopServer
        let deadline: UInt64
        let done: () -> Void

        init(server: LoopServer, deadline: UInt64, done: @escaping () -> Void) {
            self.server = server
            self.deadline = deadline
            self.done = done
        }

        func timerFired(_ token: UInt64) {
            if server.isIdle || server.loop.now >= deadline {
                server.closeAll()
                done()
            } else {
                server.loop.schedule(after: 5_000_000, self, token: 0)
            }
        }
    }
}
