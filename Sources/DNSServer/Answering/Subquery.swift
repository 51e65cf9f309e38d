package import DNSWire
import EventLoop

/// A question that a handler asks those behind it, while its own waits for what they say.
package struct Subquery {
    let name: ByteView
    let type: RecordType
    let `class`: UInt16
    let note: AnyObject?

    /// - Parameters:
    ///   - name: uncompressed, at most 255 octets; must hold until the handler's verdict has been read.
    ///   - note: handed to `Handler.answered`, for what the handler wants to remember.
    package init(_ name: ByteView, _ type: RecordType, class: UInt16, note: AnyObject? = nil) {
        self.name = name
        self.type = type
        self.class = `class`
        self.note = note
    }

    /// Lays the query out, with the header bits and OPT of the outer one.
    func message(for outer: borrowing Exchange, in output: OutputBytes) -> ByteView {
        output.copy(outer.message.slice(0, 4), to: 0)
        output.store(UInt16(1), at: 4)
        output.store(UInt32(0), at: 6)
        output.store(UInt16(outer.asked.edns == nil ? 0 : 1), at: 10)
        output.copy(name, to: 12)
        var offset = 12 + name.count
        output.store(type.rawValue, at: offset)
        output.store(`class`, at: offset + 2)
        offset += 4
        guard let edns = outer.asked.edns else { return output.view(offset) }
        // Options too long for the memory are none that any handler reads.
        let length = edns.optionsLength <= output.capacity - offset - 11 ? edns.optionsLength : 0
        output.store(UInt8(0), at: offset)
        output.store(RecordType.opt.rawValue, at: offset + 1)
        output.store(edns.payloadSize, at: offset + 3)
        output.store(edns.dnssecOK ? UInt32(0x8000) : 0, at: offset + 5)
        output.store(UInt16(truncatingIfNeeded: length), at: offset + 9)
        output.copy(outer.message.slice(edns.optionsOffset, length), to: offset + 11)
        return output.view(offset + 11 + length)
    }
}

/// A subquery that waits for the network itself.
struct InnerQuestion {
    /// The query that waits for this one.
    let place: ParkingID
    let note: AnyObject?
    let router: ServerBlockRouter

    init(_ place: ParkingID, _ note: AnyObject?, _ router: ServerBlockRouter) {
        self.place = place
        self.note = note
        self.router = router
    }
}

/// Memory for one question inside another.
final class InnerMemory {
    let message = ByteBlock(capacity: 4096)
    let output = ByteBlock(capacity: 65535)
    let folded = ByteBlock(capacity: 256)
    let scratch = ByteBlock(capacity: Exchange.scratchCapacity)
}

/// What the handlers behind one handler say to a question of that handler's own.
///
/// Valid until the handler returns.
package struct InnerResponse {
    /// The whole response, header included.
    package let message: ByteView
    package let code: ResponseCode
    package let extendedError: ExtendedError?
    package let isAuthoritative: Bool
    /// True when upstreams vouched for it (RFC 4035 §3.2.3).
    let authenticData: Bool
    let isTruncated: Bool
    /// Offset of the end of the question section.
    package let questionEnd: Int
    /// Offset of the end of all records but OPT.
    let recordsEnd: Int
    package let answers: UInt16
    package let authorities: UInt16
    package let additionals: UInt16
    let answeredBy: String
    let failure: String?
    /// Whole options for OPT.
    let options: [UInt8]

    init(_ exchange: borrowing Exchange, _ message: ByteView) {
        self.message = message
        code = exchange.response.code
        extendedError = exchange.response.extendedError
        isAuthoritative = exchange.isAuthoritative
        authenticData = exchange.response.flags & HeaderFlag.authenticData != 0
        isTruncated = exchange.response.isTruncated
        questionEnd = exchange.asked.questionEnd
        recordsEnd = exchange.response.recordsEnd
        answers = exchange.response.answers
        authorities = exchange.response.authorities
        additionals = exchange.response.additionals
        answeredBy = exchange.answeredBy
        failure = exchange.failure
        options = exchange.response.options
    }

    /// True when no plugin wanted the question.
    package var isUnanswered: Bool { answeredBy.isEmpty }

    /// Records of all three sections, one behind the other.
    package var records: MessageRecords {
        MessageRecords(
            message, at: questionEnd, answers: answers, authorities: authorities, additionals: additionals)
    }
}

extension Exchange {
    /// Takes over code, reason and standing of `response`, without its records.
    package mutating func adopt(_ response: InnerResponse) {
        self.response.code = response.code
        self.response.extendedError = response.extendedError
        if response.authenticData { self.response.flags |= HeaderFlag.authenticData }
        if response.isAuthoritative { isAuthoritative = true }
        failure = response.failure
        if !response.options.isEmpty { self.response.add(options: response.options, to: asked) }
        if !response.answeredBy.isEmpty { (answeredBy, isAdopted) = (response.answeredBy, true) }
    }

    /// Answers with all of `response`.
    package mutating func take(_ response: InnerResponse) {
        adopt(response)
        let records = response.message.slice(response.questionEnd, response.recordsEnd - response.questionEnd)
        // To the same question every name stands where the pointers of the records say.
        if response.questionEnd == asked.questionEnd, self.response.count == asked.questionEnd, !response.isTruncated,
            response.message.slice(12, asked.name.count).equals(asked.name),
            self.response.appendBody(
                records, answers: response.answers, authorities: response.authorities,
                additionals: response.additionals)
        {
            return
        }
        for (record, section) in response.records { copy(record, of: response, ttl: record.ttl, in: section) }
    }

    /// Appends a record of `response`; TC is set when one of the answer does not fit (RFC 2181 §9).
    ///
    /// - Returns: false when it did not fit or is malformed.
    @discardableResult
    package mutating func copy(
        _ record: RecordPlace, of response: InnerResponse, ttl: UInt32, in section: Section,
        _ change: (any NameChange)? = nil
    ) -> Bool {
        guard
            RecordCopier.copy(
                record, of: response.message, ttl: ttl, scratch: nameScratch, to: &self.response, in: section, change)
        else {
            if section == .answer { self.response.truncate() }
            return false
        }
        return true
    }

    /// Appends `address` to the answer with the owner of `record`; TC is set when it does not fit.
    package mutating func append(_ address: IPAddress, as record: RecordPlace, of response: InnerResponse, ttl: UInt32)
    {
        guard let length = try? MessageReader.expandName(response.message, at: record.nameOffset, into: nameScratch)
        else { return }
        self.response.beginRecord(
            owner: nameScratch.view(length), type: address.isIPv4 ? .a : .aaaa, class: record.class, ttl: ttl)
        withBytes(address.octets) { self.response.write($0) }
        if !self.response.endRecord(in: .answer) { self.response.truncate() }
    }
}

extension Chain {
    /// Asks the handlers behind the one that is answering now the same question again, for the sake of what they hear.
    ///
    /// Nothing is sent to the client; handlers before see an upstream's response through `received` and nothing else.
    package func askInBackground(_ exchange: borrowing Exchange) {
        guard exchange.isFirstQuestion else { return }
        // Not now: the scratch memory of the query being answered is in use.
        loop.schedule(after: 0, BackgroundQuestion(exchange, self), token: 0)
    }

    fileprivate func ask(_ question: BackgroundQuestion) {
        withBytes(question.message) { message in
            var query = Query()
            let memory = innerMemory.popLast() ?? InnerMemory()
            defer { innerMemory.append(memory) }
            guard QuestionParser.parse(message, into: &query, scratch: memory.folded.bytes) == .accepted else { return }
            var writer = MessageWriter(memory.output.bytes)
            writer.begin(message, query, size: 65535)
            var exchange = Exchange(
                message: message, asked: query, response: writer, client: question.client, transport: .tcp,
                received: loop.now, scratch: memory.scratch.bytes)
            exchange.position = .behind(question.position)
            exchange.position.firstBlock = nil
            exchange.upstreamOptions = question.options
            if case .parked(let id) = walk(&exchange, ServerBlockRouter([])) {
                parking.keep(exchange, at: id, for: .nobody)
            }
        }
    }
}

/// A question asked again for a handler, not for a client.
private final class BackgroundQuestion: TimerTarget {
    let message: [UInt8]
    let client: SocketAddress
    let position: ChainPosition
    let options: UpstreamOptions?
    private unowned let chain: Chain

    init(_ exchange: borrowing Exchange, _ chain: Chain) {
        message = exchange.message.array
        client = exchange.client
        position = exchange.position
        options = exchange.upstreamOptions
        self.chain = chain
    }

    func timerFired(_ token: UInt64) { chain.ask(self) }
}

extension Chain {
    /// Asks the handlers behind the one that `outer` is at; gives that one's verdict on what they say.
    func ask(_ subquery: Subquery, for outer: inout Exchange, _ router: ServerBlockRouter) -> Verdict {
        let memory = innerMemory.popLast() ?? InnerMemory()
        defer { innerMemory.append(memory) }
        let message = subquery.message(for: outer, in: memory.message.bytes)
        var query = Query()
        guard let block = outer.position.block,
            QuestionParser.parse(message, into: &query, scratch: memory.folded.bytes) == .accepted
        else { return .failed(.serverFailure) }
        var writer = MessageWriter(memory.output.bytes)
        writer.begin(message, query, size: 65535)
        var inner = Exchange(
            message: message, asked: query, response: writer, client: outer.client, transport: outer.transport,
            received: outer.received, scratch: memory.scratch.bytes)
        guard inner.descend(from: outer) else {
            return .failed(.serverFailure, because: "questions lead to further questions without an end")
        }
        inner.position = .behind(outer.position)
        switch walk(&inner, router) {
        case .complete:
            let length = complete(&inner)
            return block.handlers[outer.position.handler].answered(
                InnerResponse(inner, memory.output.bytes.view(length)), &outer, note: subquery.note)
        case .silent: return .dropped
        case .parked(let id):
            guard let place = park(for: outer.client) else {
                parking.leave(id)
                return .failed(.serverFailure, because: "too many queries wait already")
            }
            keep(inner, at: id, for: .handler(InnerQuestion(place, subquery.note, router)))
            return .suspended(place)
        }
    }

    /// Hands the response to the handler that asked, and goes on with the query that waited for it.
    func conclude(_ question: InnerQuestion, _ inner: borrowing Exchange, _ length: Int) {
        let memory = innerMemory.popLast() ?? InnerMemory()
        defer { innerMemory.append(memory) }
        // The output of what goes on now is where this response was written.
        memory.output.bytes.copy(streamOutput.view(2, length), to: 0)
        let response = InnerResponse(inner, memory.output.bytes.view(length))
        resume(question.place) { exchange in
            exchange.position.block?.handlers[exchange.position.handler].answered(
                response, &exchange, note: question.note)
        }
    }
}
