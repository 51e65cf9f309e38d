package import DNSWire
package import EventLoop

/// How a query reached this server.
package enum Transport: Int, Sendable, BitwiseCopyable {
    case udp
    case tcp

    package var text: String { self == .udp ? "udp" : "tcp" }
}

/// The question that handlers answer now: first the client's, then the target of each CNAME it leads to.
package struct Question: BitwiseCopyable {
    /// The name as written, uncompressed.
    package var name: ByteView
    /// The name with letters folded; same length.
    package var folded: ByteView
    package var type: RecordType
    package var `class`: UInt16
    /// Offset of the name in the response, for owners to point at.
    package var nameOffset: Int

    package init(name: ByteView, folded: ByteView, type: RecordType, class: UInt16, nameOffset: Int) {
        self.name = name
        self.folded = folded
        self.type = type
        self.class = `class`
        self.nameOffset = nameOffset
    }
}

/// What earlier plugins want of the answer before it is written.
package struct AnswerStyle: BitwiseCopyable {
    /// Which record of a set comes first; 0 leaves the stored order.
    package var rotation = 0
    /// Positive answers have no other sections.
    package var isMinimal = false
    /// When a query that waits is given up, in nanoseconds of the loop's clock.
    package var deadline = UInt64.max
}

/// One question being answered: all that is known of it, and its response as far as it is written.
///
/// It exists once. While the network is waited for it is moved into the parking lot and out again, whole: whatever is
/// a property of it survives.
package struct Exchange: ~Copyable {
    /// The query's octets.
    package private(set) var message: ByteView
    /// What the client sent.
    package private(set) var asked: Query
    package var question: Question
    package var response: MessageWriter
    package let client: SocketAddress
    package let transport: Transport
    /// Where this server listens for the query; nil for one that a handler asks itself.
    package internal(set) var server: SocketAddress?
    /// Monotonic nanoseconds at which the query was received.
    package let received: UInt64
    package var style = AnswerStyle()
    /// CNAMEs chased so far.
    private(set) var links = 0
    /// How many questions lead here from the client's: CNAMEs chased, and queries this one is inside of.
    private var depth = 0
    /// True once a record of our own was written: decides AA (RFC 1035 §4.1.1).
    package var isAuthoritative = false
    /// True when a plugin knows that the current question's name does not exist and passed it on all the same.
    package var isMissing = false
    /// What upstreams are told beside the question; nil for nothing.
    package var upstreamOptions: UpstreamOptions?
    /// Set by a handler whose answer goes on in further messages.
    package var continuation: (any MessageSource)?
    /// What must stand last in the response, whatever it is.
    package private(set) var seal: (any MessageSeal)?
    /// Directive of the plugin that answered; empty for the server itself.
    package internal(set) var answeredBy = ""
    /// True when that is a plugin behind the one that asked it.
    var isAdopted = false
    /// Why the answer is a failure, for the error log.
    package var failure: String?
    /// Octets of the finished response, set before `finish` visits.
    package internal(set) var responseSize = 0
    /// The block and handler it is at.
    var position = ChainPosition()
    /// Where the folded names of CNAME targets go, and room for a name that is compared or copied.
    private var scratch: OutputBytes
    static let scratchCapacity = 512
    var nameScratch: OutputBytes { scratch.suffix(from: 256) }

    init(
        message: ByteView, asked: Query, response: consuming MessageWriter, client: SocketAddress,
        transport: Transport, received: UInt64, scratch: OutputBytes
    ) {
        self.message = message
        self.asked = asked
        question = Question(
            name: asked.name, folded: asked.folded, type: asked.type, class: asked.class, nameOffset: 12)
        self.response = response
        self.client = client
        self.transport = transport
        self.received = received
        self.scratch = scratch
    }

    /// True while handlers answer what was asked, not a CNAME's target.
    package var isFirstQuestion: Bool { links == 0 }

    /// The most octets this client takes in one response.
    package var sizeLimit: Int { Self.sizeLimit(asked, transport) }

    static func sizeLimit(_ query: Query, _ transport: Transport) -> Int {
        guard transport == .udp else { return 65535 }
        guard let edns = query.edns else { return 512 }
        return max(512, min(Int(edns.payloadSize), MessageWriter.payloadSize))
    }

    /// Makes the query one that wants recursion, or one that does not.
    package mutating func askForRecursion(_ isDesired: Bool) {
        if isDesired {
            asked.flags |= HeaderFlag.recursionDesired
        } else {
            asked.flags &= ~HeaderFlag.recursionDesired
        }
    }

    // MARK: Asking again

    /// The most questions that may lead to one another, whether by CNAME or by plugins that ask for themselves.
    private static let greatestDepth = 16

    /// Counts one question that follows from this one; false when that is one too many (RFC 1034 §3.6.2).
    mutating func descend() -> Bool {
        depth += 1
        return depth <= Self.greatestDepth
    }

    /// Makes this a question inside of `outer`; false when that is one too many.
    mutating func descend(from outer: borrowing Exchange) -> Bool {
        (depth, style, upstreamOptions) = (outer.depth, outer.style, outer.upstreamOptions)
        return descend()
    }

    /// Makes the CNAME target that stands uncompressed at `offset` of the response the question to answer next.
    ///
    /// - Returns: `.chase`, or what is answered instead where the chain ends here: for ANY, which asks what is at the
    ///   name and not where it leads, and for a chain that is a loop or too long (RFC 1034 §3.6.2).
    package mutating func chase(targetAt offset: Int) -> Verdict {
        links += 1
        isMissing = false
        // Which options go with the next question is decided anew, where that is routed.
        upstreamOptions = nil
        let written = response.written
        guard descend(), let length = Self.nameLength(written, at: offset) else { return .endlessChain }
        let name = written.slice(offset, length)
        for index in 0..<length { scratch.store(folded(name[index]), at: index) }
        question = Question(
            name: name, folded: scratch.view(length), type: question.type, class: question.class, nameOffset: offset)
        guard !ownsRecord(question.folded) else { return .endlessChain }
        return question.type == .any ? .answered : .chase
    }

    private static func nameLength(_ message: ByteView, at offset: Int) -> Int? {
        var index = offset
        while let length = message.at(index), length < 64 {
            index += Int(length) + 1
            if length == 0 { return index - offset <= 255 ? index - offset : nil }
        }
        return nil
    }

    /// True when the answer already holds a record owned by `name`: asking for it again would go round in circles.
    private func ownsRecord(_ name: ByteView) -> Bool {
        let owner = nameScratch
        for (record, section) in response.records(at: asked.questionEnd) where section == .answer {
            guard let length = try? MessageReader.expandName(response.written, at: record.nameOffset, into: owner)
            else { return false }
            if owner.view(length).equalsName(name) { return true }
        }
        return false
    }

    // MARK: Ending

    /// Lets `seal` close the response, and sets room for it aside.
    package mutating func close(with seal: any MessageSeal) {
        self.seal = seal
        response.limit(to: response.limit - seal.size)
    }

    /// Ends the answer with `code` and no records but those of CNAMEs already chased.
    mutating func fail(_ code: ResponseCode, _ error: ExtendedError?, because reason: String?) {
        response.code = code
        response.extendedError = error
        if let reason { failure = reason }
    }

    /// Refuses what takes several messages, where one is all that can be said.
    mutating func refuseSeveralMessages() {
        continuation = nil
        isAuthoritative = false
        response.removeRecords(asked)
        fail(.refused, .notSupported, because: nil)
    }

    /// Answers the current question with what an upstream said.
    ///
    /// - Parameters:
    ///   - age: seconds since the response was received.
    ///   - minimumTTL: the least any TTL may say before the age is taken off, in seconds.
    ///   - maximumTTL: the most.
    package mutating func answer(
        with upstream: UpstreamResponse, age: UInt32 = 0, minimumTTL: UInt32 = 0, maximumTTL: UInt32 = .max
    ) {
        response.append(
            upstream, to: question, asked: asked, TimeToLive(age: age, minimum: minimumTTL, maximum: maximumTTL),
            rotation: style.rotation, scratch: nameScratch)
        if asked.checkingDisabled { response.flags |= HeaderFlag.checkingDisabled }
        guard !upstream.options.isEmpty, let upstreamOptions else { return }
        for option in upstreamOptions.shown(upstream.options) { response.add(option: option, to: asked) }
    }

    // MARK: Moving

    /// Moves every octet it borrows to other memory, which must have room for them.
    mutating func move(to memory: QueryMemory) {
        memory.message.bytes.copy(message, to: 0)
        memory.folded.bytes.copy(asked.folded, to: 0)
        memory.scratch.bytes.copy(question.folded, to: 0)
        message = memory.message.bytes.view(message.count)
        asked.name = message.slice(12, asked.name.count)
        asked.folded = memory.folded.bytes.view(asked.folded.count)
        question.folded = memory.scratch.bytes.view(question.folded.count)
        // The scratch memory it has used so far belongs to the next question from now on.
        scratch = memory.scratch.bytes
        moveResponse(to: memory.response.bytes)
    }

    mutating func moveResponse(to output: OutputBytes) {
        response.move(to: output)
        question.name = response.written.slice(question.nameOffset, question.name.count)
    }
}

extension Verdict {
    fileprivate static var endlessChain: Verdict {
        .failed(.serverFailure, because: "the CNAME chain is a loop or too long")
    }
}
