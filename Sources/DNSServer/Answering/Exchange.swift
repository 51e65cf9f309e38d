package import DNSWire
package import EventLoop

/// How a query reached this server.
package enum Transport: Int, Sendable, BitwiseCopyable {
    case udp
    case tcp

    package var text: String { self == .udp ? "udp" : "tcp" }
}

/// The question that handlers answer now: first the client's, then that of each alias it leads to.
package struct Question: BitwiseCopyable {
    /// The name as written, uncompressed.
    package var name: ByteView
    /// The name with letters folded; same length.
    package var folded: ByteView
    package var type: RecordType
    package var `class`: UInt16
    /// Where the name stands in the response, for owners to point at.
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
}

/// One question being answered; lives on the loop's stack and nowhere else.
package struct Exchange: ~Copyable {
    /// The query's octets.
    package let message: ByteView
    /// What the client sent; never changes.
    package let asked: Query
    package var question: Question
    package var response: MessageWriter
    package let client: SocketAddress
    package let transport: Transport
    /// Where this server listens for the query; nil for one that a handler asks itself.
    package var server: SocketAddress?
    /// Monotonic nanoseconds at which the query was received.
    package let received: UInt64
    package var style = AnswerStyle()
    /// Aliases followed so far.
    package var aliases = 0
    /// True once a record of our own was written: decides AA (RFC 1035 §4.1.1).
    package var isAuthoritative = false
    /// True when a plugin knows that the current question's name does not exist and passed it on all the same.
    package var isMissing = false
    /// Set by a handler whose answer goes on in further messages; only over TCP.
    package var continuation: (any MessageSource)?
    /// Set while a handler that met the client's question wants to see whether its name exists.
    package var search: NameSearch?
    /// Directive of the plugin that answered; empty for the server itself.
    package var answeredBy = ""
    /// True when that is a plugin behind the one that asked it.
    var isAdopted = false
    /// Why the answer is a failure, for the error log.
    package var failure: String?
    /// Octets of the finished response, set before `finish` visits.
    package var responseSize = 0
    /// Set by a handler that returns `.suspended`: the place kept for this query.
    package var parking: ParkingID?
    /// Where aliases' folded names go, and room for a name that is compared or copied.
    let aliasScratch: OutputBytes
    static let aliasScratchCapacity = 512
    var nameScratch: OutputBytes { aliasScratch.suffix(from: 256) }

    init(
        message: ByteView, asked: Query, response: consuming MessageWriter, client: SocketAddress,
        transport: Transport, received: UInt64, aliasScratch: OutputBytes
    ) {
        self.message = message
        self.asked = asked
        question = Question(
            name: asked.name, folded: asked.folded, type: asked.type, class: asked.class, nameOffset: 12)
        self.response = response
        self.client = client
        self.transport = transport
        self.received = received
        self.aliasScratch = aliasScratch
    }

    /// True while handlers answer what the client asked, not an alias' target.
    package var isFirstQuestion: Bool { aliases == 0 }

    /// The most octets this client takes in one response.
    package var sizeLimit: Int { Self.sizeLimit(asked, transport) }

    static func sizeLimit(_ query: Query, _ transport: Transport) -> Int {
        guard transport == .udp else { return 65535 }
        guard let edns = query.edns else { return 512 }
        return max(512, min(Int(edns.payloadSize), MessageWriter.payloadSize))
    }

    /// Makes the alias target that stands uncompressed at `offset` of the response the question to answer next.
    ///
    /// - Returns: false when the chain is a loop or longer than 16 links (RFC 1034 §3.6.2).
    package mutating func follow(targetAt offset: Int) -> Bool {
        aliases += 1
        isMissing = false
        guard aliases <= Self.longestChain else { return false }
        let written = response.written
        guard let length = Self.nameLength(written, at: offset) else { return false }
        let name = written.slice(offset, length)
        for index in 0..<length { aliasScratch.store(folded(name[index]), at: index) }
        question = Question(
            name: name, folded: aliasScratch.view(length), type: question.type, class: question.class,
            nameOffset: offset)
        return !ownsAlias(question.folded)
    }

    private static let longestChain = 16

    static func nameLength(_ message: ByteView, at offset: Int) -> Int? {
        var index = offset
        while let length = message.at(index), length < 64 {
            index += Int(length) + 1
            if length == 0 { return index - offset <= 255 ? index - offset : nil }
        }
        return nil
    }

    /// True when the answer already holds a record owned by `name`: asking for it again would go round in circles.
    private func ownsAlias(_ name: ByteView) -> Bool {
        var reader = MessageReader(response.written, at: asked.questionEnd)
        let owner = nameScratch
        for _ in 0..<response.answers {
            guard let record = try? reader.next() else { return false }
            guard let length = try? MessageReader.expandName(response.written, at: record.nameOffset, into: owner)
            else { return false }
            if owner.view(length).equalsName(name) { return true }
        }
        return false
    }
}

extension Exchange {
    /// Ends the answer with `code` and no records but those of aliases already followed.
    package mutating func fail(_ code: ResponseCode, _ error: ExtendedError? = nil, because reason: String? = nil) {
        response.code = code
        response.extendedError = error
        response.extendedErrorText = nil
        if let reason { failure = reason }
    }
}
