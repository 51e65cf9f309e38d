import DNSWire
import EventLoop

/// What the server says to a question from what it has in memory, in the form of change notifications.
struct KnownAnswer {
    let vouching: Vouching
    /// The same for the same records in any order.
    var digest: UInt64
    /// Records to be added, one behind the other, names uncompressed; empty where there are none or too many.
    var additions: [UInt8] = []

    /// What removes all records of a name and type before others are added (RFC 8765 §6.3.1).
    static func removal(_ name: [UInt8], _ type: RecordType) -> [UInt8] {
        var octets = name
        octets.append(bigEndian: type.rawValue)
        octets.append(bigEndian: RecordClass.internet)
        octets.append(bigEndian: ChangeMark.removesAll)
        octets.append(bigEndian: UInt16(0))
        return octets
    }

    /// The most octets of a PUSH message, header included (RFC 8765 §6.3.1).
    private static let longestMessage = 16_382
    private static let seed: UInt64 = 0x9E37_79B9_7F4A_7C15

    init(_ vouching: Vouching, digest: UInt64) {
        self.vouching = vouching
        self.digest = digest
    }

    /// - Parameter scratch: at least 255 octets.
    init(
        _ vouching: Vouching, _ exchange: borrowing Exchange, _ name: [UInt8], _ type: RecordType,
        _ scratch: OutputBytes
    ) {
        self.vouching = vouching
        digest = UInt64(exchange.response.code.rawValue) &* Self.seed
        let message = exchange.response.written
        for (record, section) in exchange.response.records(at: exchange.asked.questionEnd) where section == .answer {
            guard let data = Self.data(of: record, in: message, scratch) else { continue }
            var octets: [UInt8] = []
            octets.append(bigEndian: record.type.rawValue)
            octets.append(bigEndian: record.class)
            octets.append(bigEndian: record.ttl & 0x7FFF_FFFF)
            octets.append(bigEndian: UInt16(truncatingIfNeeded: data.count))
            octets += data
            digest &+= withBytes(octets) { $0.hash(seed: Self.seed) }
            if record.type == type { additions += name + octets }
        }
        if exchange.response.isTruncated { additions = [] }
        keepWhatFits(name)
    }

    /// What does not fit behind a removal is only taken back: whoever wants to know asks.
    mutating func keepWhatFits(_ name: [UInt8]) {
        let head = StatefulMessage.headLength + name.count + 10
        if head + additions.count > Self.longestMessage { additions = [] }
    }

    /// The data of a record with its names written out.
    private static func data(of record: RecordPlace, in message: ByteView, _ scratch: OutputBytes) -> [UInt8]? {
        let fixed: Int
        switch record.type {
        case .ptr, .cname, .ns: fixed = 0
        case .srv: fixed = 6
        default: return message.slice(record.dataOffset, record.dataLength).array
        }
        guard record.dataLength > fixed,
            let length = try? MessageReader.expandName(message, at: record.dataOffset + fixed, into: scratch)
        else { return nil }
        return message.slice(record.dataOffset, fixed).array + scratch.view(length).array
    }
}

/// Why nobody vouches for a name.
enum PushRefusal: Error {
    /// Another plugin, another server, or nobody decides its answers.
    case notAuthoritative
    /// What would decide them does not know yet.
    case notReady

    var code: ResponseCode { self == .notAuthoritative ? .notAuthoritative : .serverFailure }
    var reason: String { self == .notAuthoritative ? "not authoritative" : "not ready" }
}

extension Chain {
    /// Asks the handlers of a name's block until the one that vouches for it has answered; no network is asked, and
    /// nothing is counted or logged.
    ///
    /// - Parameter listen: called before the handler reads what it vouches for.
    func known(
        _ name: [UInt8], _ type: RecordType, _ client: SocketAddress, _ router: ServerBlockRouter,
        _ listen: (Vouching) -> Void
    ) throws(PushRefusal) -> KnownAnswer {
        let memory = innerMemory.popLast() ?? InnerMemory()
        defer { innerMemory.append(memory) }
        var octets = [UInt8](repeating: 0, count: 12)
        octets[5] = 1
        octets += name
        octets.append(bigEndian: type.rawValue)
        octets.append(bigEndian: RecordClass.internet)
        let found: Result<KnownAnswer, PushRefusal> = withBytes(octets) { message in
            var query = Query()
            guard QuestionParser.parse(message, into: &query, scratch: memory.folded.bytes) == .accepted else {
                return .failure(.notAuthoritative)
            }
            var writer = MessageWriter(memory.output.bytes)
            writer.begin(message, query, size: 65535)
            var exchange = Exchange(
                message: message, asked: query, response: writer, client: client, transport: .tcp,
                received: loop.now, scratch: memory.scratch.bytes)
            guard router.tellsChanges, let block = router.find(exchange) else { return .failure(.notAuthoritative) }
            exchange.position = ChainPosition(block: block, firstBlock: block)
            for (place, handler) in block.handlers.enumerated() {
                exchange.position.handler = place
                let vouching = handler.vouching(for: exchange.question)
                if let vouching { listen(vouching) }
                switch handler.answer(&exchange) {
                case .next:
                    // It has no such name, and others are asked for it: that much is vouched for.
                    if let vouching { return .success(KnownAnswer(vouching, digest: 0)) }
                case .answered, .chase:
                    guard let vouching else { return .failure(.notAuthoritative) }
                    return .success(KnownAnswer(vouching, exchange, name, type, memory.message.bytes))
                case .suspended(let id):
                    parking.leave(id)
                    return .failure(.notAuthoritative)
                case .failed: return .failure(vouching == nil ? .notAuthoritative : .notReady)
                case .ask, .dropped: return .failure(.notAuthoritative)
                }
            }
            return .failure(.notAuthoritative)
        }
        return try found.get()
    }
}
