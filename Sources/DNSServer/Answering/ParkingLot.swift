import DNSWire
import EventLoop

/// Where a response goes when its query does not wait any longer.
enum Origin {
    case datagram(UDPListener, ReplyPath)
    case stream(TCPConnection)
    case posted(PostedOrigin)
    /// Asked by a handler for the query that waits for it.
    case inner(InnerQuestion)
    /// Asked by a handler itself.
    case nobody

    /// Where aliases of the waiting query are routed; nil when its listener is gone.
    var router: ServerBlockRouter? {
        switch self {
        case .datagram(let listener, _): listener.router
        case .stream(let connection): connection.router
        case .posted(let query): query.listener.router
        case .inner(let question): question.router
        case .nobody: ServerBlockRouter([])
        }
    }

    /// How many questions the waiting one is inside of.
    var depth: Int {
        if case .inner(let question) = self { question.depth } else { 0 }
    }
}

/// All that is kept of a query while the network is asked.
final class ParkedQuery {
    fileprivate(set) var stay: UInt64 = 0
    fileprivate(set) var isTaken = false
    private(set) var message = ByteBlock(capacity: 512)
    private(set) var response = ByteBlock(capacity: 1500)
    let folded = ByteBlock(capacity: 255)
    let currentFolded = ByteBlock(capacity: 255)
    var messageLength = 0
    var responseLength = 0
    var answers: UInt16 = 0
    var asked = Query()
    var question: Question?
    var client = SocketAddress.anyIPv4(port: 0)
    var transport = Transport.udp
    var received: UInt64 = 0
    var style = AnswerStyle()
    var aliases = 0
    var isAuthoritative = false
    var search: NameSearch?
    var visit = Visit()
    var origin: Origin?

    /// Copies what the exchange borrowed; all views of `asked` and `question` then lead into this object.
    func keep(_ exchange: inout Exchange, _ visit: Visit, _ origin: Origin) {
        messageLength = exchange.message.count
        if message.bytes.capacity < messageLength { message = ByteBlock(capacity: messageLength) }
        message.bytes.copy(exchange.message, to: 0)
        let written = exchange.response.written
        responseLength = written.count
        if response.bytes.capacity < responseLength { response = ByteBlock(capacity: responseLength) }
        response.bytes.copy(written, to: 0)
        answers = exchange.response.answers
        asked = exchange.asked
        let nameLength = asked.name.count
        folded.bytes.copy(asked.folded, to: 0)
        asked.name = message.bytes.view(12, nameLength)
        asked.folded = folded.bytes.view(nameLength)
        var question = exchange.question
        currentFolded.bytes.copy(question.folded, to: 0)
        question.name = response.bytes.view(question.nameOffset, question.name.count)
        question.folded = currentFolded.bytes.view(question.folded.count)
        self.question = question
        client = exchange.client
        transport = exchange.transport
        received = exchange.received
        style = exchange.style
        aliases = exchange.aliases
        isAuthoritative = exchange.isAuthoritative
        search = exchange.search
        self.visit = visit
        self.origin = origin
    }
}

/// How far a query has come: the block and handler it is at, and where its first question was taken in.
struct Visit {
    var block: LoopBlock?
    var position = 0
    /// The block of the client's own question, whose handlers see the way out.
    var firstBlock: LoopBlock?
    var firstPosition = 0
    /// Handlers of that block before this one have nothing to do with the question: one behind them asked it.
    var lowestPosition = 0
}

/// Places for queries that wait for the network, as many as memory was promised for.
final class ParkingLot {
    private var places: [ParkedQuery] = []
    private var free: [Int] = []
    private let capacity: Int
    private var nextStay: UInt64 = 1
    private(set) var taken = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Nil when every place is taken: load is to be shed.
    func reserve() -> ParkingID? {
        let slot: Int
        if let last = free.popLast() {
            slot = last
        } else if places.count < capacity {
            slot = places.count
            places.append(ParkedQuery())
        } else {
            return nil
        }
        let place = places[slot]
        place.isTaken = true
        place.stay = nextStay
        nextStay += 1
        taken += 1
        return ParkingID(slot: slot, stay: place.stay)
    }

    /// The query waiting at `id`; nil when it has left.
    func query(_ id: ParkingID) -> ParkedQuery? {
        guard places.indices.contains(id.slot) else { return nil }
        let place = places[id.slot]
        return place.isTaken && place.stay == id.stay ? place : nil
    }

    func leave(_ id: ParkingID) {
        guard let place = query(id) else { return }
        place.isTaken = false
        place.origin = nil
        place.visit = Visit()
        taken -= 1
        free.append(id.slot)
    }
}
