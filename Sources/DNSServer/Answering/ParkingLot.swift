package import DNSWire
import EventLoop

/// The place of a query that waits for the network.
package struct ParkingID: Hashable, Sendable, BitwiseCopyable {
    let slot: Int
    /// Distinguishes this query from earlier ones in the same slot.
    let generation: UInt64
}

/// What became of a query that waited.
package enum Resolution: Sendable {
    case response(UpstreamResponse)
    /// As the verdict of that name.
    case failed(ResponseCode, ExtendedError?, because: String)
    /// The response was written before the query waited.
    case written
    /// The handlers behind the one that waited are asked; where there are none, it is settled by what is given.
    indirect case passedOn(otherwise: Resolution)
}

/// Who waits for the response to a query.
enum Asker {
    case datagram(UDPListener, ReplyPath)
    case stream(TCPConnection)
    case transport(TransportAsker)
    /// A handler, for the query that waits for this one.
    case handler(InnerQuestion)
    /// Nobody: the question was asked for what handlers learn from it.
    case nobody

    /// Where CNAMEs of the waiting query are routed; nil when its listener is gone.
    var router: ServerBlockRouter? {
        switch self {
        case .datagram(let listener, _): listener.router
        case .stream(let connection): connection.router
        case .transport(let asker): asker.listener.router
        case .handler(let question): question.router
        case .nobody: ServerBlockRouter([])
        }
    }
}

/// Memory for the octets of a query while the network is asked.
final class QueryMemory {
    fileprivate(set) var message = ByteBlock(capacity: 512)
    fileprivate(set) var response = ByteBlock(capacity: 1500)
    let folded = ByteBlock(capacity: 255)
    /// Begins with the folded name of the current question.
    let scratch = ByteBlock(capacity: Exchange.scratchCapacity)

    fileprivate func makeRoom(message octets: Int, response written: Int) {
        if message.bytes.capacity < octets { message = ByteBlock(capacity: octets) }
        if response.bytes.capacity < written { response = ByteBlock(capacity: written) }
    }
}

/// Places for queries that wait for the network, as many as memory was promised for.
///
/// One client cannot take all of them: it may have `greed` times as many as are still free, so whoever asks less finds
/// room while an upstream is slow and somebody asks it without end.
final class ParkingLot {
    private final class Slot {
        var generation: UInt64 = 0
        var isTaken = false
        /// Where its client is counted.
        var bucket = 0
        let memory = QueryMemory()
        /// The query itself; nil before `keep` and after `take`.
        var exchange: Exchange?
        var asker = Asker.nobody
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    private let capacity: Int
    private var lastGeneration: UInt64 = 0
    private(set) var taken = 0
    /// Places of each client. Clients share a bucket by chance, which nobody can choose: hashes are seeded.
    private var held = [UInt16](repeating: 0, count: buckets)
    private static let buckets = 1024
    /// A client alone gets seven eighths of all places.
    private static let greed = 7

    init(capacity: Int) { self.capacity = capacity }

    /// Nil when every place is taken, or this client has its share: load is to be shed.
    ///
    /// - Parameter places: no more than these may be taken.
    func reserve(for client: SocketAddress, of places: Int = .max) -> ParkingID? {
        let bucket = Int(UInt(bitPattern: client.address.hashValue) % UInt(Self.buckets))
        guard Int(held[bucket]) < Self.greed * (min(capacity, places) - taken) else { return nil }
        let number: Int
        if let last = free.popLast() {
            number = last
        } else if slots.count < capacity {
            number = slots.count
            slots.append(Slot())
        } else {
            return nil
        }
        let slot = slots[number]
        lastGeneration += 1
        slot.isTaken = true
        slot.generation = lastGeneration
        slot.bucket = bucket
        held[bucket] += 1
        taken += 1
        return ParkingID(slot: number, generation: lastGeneration)
    }

    /// Nil when the query has left.
    private func slot(_ id: ParkingID) -> Slot? {
        guard slots.indices.contains(id.slot) else { return nil }
        let slot = slots[id.slot]
        return slot.isTaken && slot.generation == id.generation ? slot : nil
    }

    /// Keeps a query and all of its octets.
    func keep(_ exchange: consuming Exchange, at id: ParkingID, for asker: Asker) {
        guard let slot = slot(id) else { return }
        slot.memory.makeRoom(message: exchange.message.count, response: exchange.response.count)
        exchange.move(to: slot.memory)
        slot.exchange = consume exchange
        slot.asker = asker
    }

    /// Gives the query back; its octets stay in the place until `leave`. Nil when it has left or was never kept.
    func take(_ id: ParkingID) -> Exchange? { slot(id)?.exchange.take() }

    /// Who waits for the query at `id`.
    func asker(_ id: ParkingID) -> Asker { slot(id)?.asker ?? .nobody }

    func leave(_ id: ParkingID) {
        guard let slot = slot(id) else { return }
        slot.isTaken = false
        held[slot.bucket] -= 1
        slot.exchange = nil
        slot.asker = .nobody
        taken -= 1
        free.append(id.slot)
    }
}
