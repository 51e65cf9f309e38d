package import DNSWire
import EventLoop

/// A question that a handler asked while its own query waits.
struct InnerQuestion {
    /// The query that waits for this one.
    let place: ParkingID
    let note: AnyObject?
    let router: ServerBlockRouter
    /// How many questions it is inside of, at least one.
    let depth: Int
}

/// Memory for one question inside another.
final class InnerRoom {
    let message = ByteBlock(capacity: 4096)
    let output = ByteBlock(capacity: 65535)
    let folded = ByteBlock(capacity: 256)
    let aliases = ByteBlock(capacity: Exchange.aliasScratchCapacity)
}

extension LoopServer {
    /// Questions within questions: a handler's own counts one, those of handlers behind it one more each.
    private static let deepest = 6

    /// Asks the handlers behind the one that is answering now another question; what they say goes to its `answered`.
    ///
    /// - Parameters:
    ///   - name: the question's name, uncompressed, at most 255 octets.
    ///   - note: handed to `answered`, for what the handler wants to remember.
    /// - Returns: the verdict of `answered`, or `.suspended` when the network is to be waited for.
    package func ask(
        _ name: ByteView, _ type: RecordType, class: UInt16, for exchange: inout Exchange, note: AnyObject? = nil
    ) -> Verdict {
        guard innerDepth < Self.deepest, let block = runningBlock, let router = runningRouter else {
            exchange.fail(.serverFailure, because: "questions lead to further questions without an end")
            return .answered
        }
        let room = innerRoom(innerDepth)
        let length = exchange.lay(name, type, `class`, into: room.message.bytes)
        let message = room.message.bytes.view(length)
        var query = Query()
        guard QuestionParser.parse(message, into: &query, scratch: room.folded.bytes) == .accepted else {
            return .failed(.serverFailure)
        }
        var writer = MessageWriter(room.output.bytes)
        writer.begin(message, query, size: 65535)
        var inner = Exchange(
            message: message, asked: query, response: writer, client: exchange.client,
            transport: exchange.transport, received: exchange.received, aliasScratch: room.aliases.bytes)
        inner.style = exchange.style
        let position = runningPosition
        var visit = Visit(block: block, position: position + 1, firstBlock: block, lowestPosition: position + 1)
        innerDepth += 1
        defer { innerDepth -= 1 }
        let outcome = walk(&inner, &visit, router)
        (runningBlock, runningPosition, runningRouter) = (block, position, router)
        switch outcome {
        case .complete:
            let length = complete(&inner, visit)
            return block.handlers[position].answered(
                InnerResponse(inner, room.output.bytes.view(length)), &exchange, note: note)
        case .silent: return .dropped
        case .parked(let id):
            guard let place = park(&exchange) else {
                parking.leave(id)
                exchange.fail(.serverFailure, because: "too many queries wait already")
                return .answered
            }
            let question = InnerQuestion(place: place, note: note, router: router, depth: innerDepth)
            parking.query(id)?.keep(&inner, visit, .inner(question))
            return .suspended
        }
    }

    /// Hands the response to the handler that asked, and goes on with the query that waited for it.
    func conclude(_ question: InnerQuestion, _ inner: borrowing Exchange, length: Int) {
        let room = innerRoom(question.depth - 1)
        // The output of what goes on now is where this response was written.
        room.output.bytes.copy(streamRoom.bytes.view(2, length), to: 0)
        let response = InnerResponse(inner, room.output.bytes.view(length))
        resume(question.place, with: .inner(response, note: question.note))
    }

    private func innerRoom(_ depth: Int) -> InnerRoom {
        while innerRooms.count <= depth { innerRooms.append(InnerRoom()) }
        return innerRooms[depth]
    }
}

extension Exchange {
    /// Lays out a query for another name, with the header bits and OPT of the client's; gives its length.
    fileprivate func lay(_ name: ByteView, _ type: RecordType, _ class: UInt16, into room: OutputBytes) -> Int {
        room.copy(message.slice(0, 4), to: 0)
        room.store(UInt16(1), at: 4)
        room.store(UInt32(0), at: 6)
        room.store(UInt16(asked.edns == nil ? 0 : 1), at: 10)
        room.copy(name, to: 12)
        var place = 12 + name.count
        room.store(type.rawValue, at: place)
        room.store(`class`, at: place + 2)
        place += 4
        guard let edns = asked.edns else { return place }
        // Options too long for the room are none that any handler reads.
        let length = edns.optionsLength <= room.capacity - place - 11 ? edns.optionsLength : 0
        room.store(UInt8(0), at: place)
        room.store(RecordType.opt.rawValue, at: place + 1)
        room.store(edns.payloadSize, at: place + 3)
        room.store(edns.dnssecOK ? UInt32(0x8000) : 0, at: place + 5)
        room.store(UInt16(truncatingIfNeeded: length), at: place + 9)
        room.copy(message.slice(edns.optionsOffset, length), to: place + 11)
        return place + 11 + length
    }
}
