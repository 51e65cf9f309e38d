package import DNSWire

/// What a handler decided about a question.
package enum Verdict {
    /// Not mine: the next handler is asked.
    case next
    /// The response is written.
    case answered
    /// A CNAME was written and `Exchange.question` is its target: the whole server is asked for that.
    case chase
    /// The handlers behind this one are asked another question; what they say goes to `answered`.
    case ask(Subquery)
    /// The answer needs the network; the query waits where `Chain.park` said.
    case suspended(ParkingID)
    /// This code is the answer, with no records but those of CNAMEs already chased.
    ///
    /// `because` is for the error log.
    case failed(ResponseCode, ExtendedError? = nil, because: String? = nil)
    /// No response at all.
    case dropped
}

/// Answers exchanges on one event loop: owns what is local to that loop and needs no locks.
package protocol Handler: AnyObject {
    /// On the way in, in the order of the plugin list.
    func answer(_ exchange: inout Exchange) -> Verdict

    /// A response from the network to the current question passes on its way out; not called for answers from memory.
    func received(_ response: UpstreamResponse, _ exchange: inout Exchange)

    /// The network gave no response; true when this handler wrote an answer in place of the failure.
    func recover(_ exchange: inout Exchange) -> Bool

    /// The handlers behind this one have answered its subquery; the verdict is about its own question.
    func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict

    /// A client says that the zone of the question has changed (RFC 1996): those that judge clients judge it as they do a
    /// question, and the one that copies the zone from that client has answered. Nobody waits or asks further.
    func takeNotice(_ exchange: inout Exchange) -> Verdict

    /// True for one that has whole zones: the last of a block, it refuses questions outside of them.
    var refusesOthers: Bool { get }

    /// True for one that may vouch for names.
    var tellsChanges: Bool { get }

    /// Whether this handler alone decides the answers to the question, and how it tells of changes; nil where it does not.
    func vouching(for question: Question) -> Vouching?

    /// On the way out, in reverse order, once the response is complete; only for handlers the query met on its way in.
    func finish(_ exchange: inout Exchange)
}

extension Handler {
    package func received(_ response: UpstreamResponse, _ exchange: inout Exchange) {}
    package func recover(_ exchange: inout Exchange) -> Bool { false }
    package func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict {
        .failed(.serverFailure)
    }
    package func takeNotice(_ exchange: inout Exchange) -> Verdict { .next }
    package var refusesOthers: Bool { false }
    package var tellsChanges: Bool { false }
    package func vouching(for question: Question) -> Vouching? { nil }
    package func finish(_ exchange: inout Exchange) {}
}
