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
    let aliasScratch = ByteBlock(capacity: Exchange.aliasScratchCapacity)
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
