package import DNSWire

/// What a handler decided about a question.
package enum Verdict {
    /// Not mine: the next handler is asked.
    case next
    /// Not mine, unless the name turns out not to exist: then `reconsider` is asked.
    case tentative
    /// The response is written.
    case answered
    /// An alias was written and `Exchange.question` is its target: ask the whole server for that.
    case askAgain
    /// The answer needs the network; `Exchange.parking` says where the query waits.
    case suspended
    /// This code is the answer.
    case failed(ResponseCode)
    /// No response at all.
    case dropped
}

/// Answers exchanges on one event loop: owns what is local to that loop and needs no locks.
package protocol Handler: AnyObject {
    /// On the way in, in the order of the plugin list.
    func answer(_ exchange: inout Exchange) -> Verdict

    /// A reply from the network for the current question passes on its way out; not called for answers from memory.
    func received(_ reply: Reply, _ exchange: inout Exchange)

    /// The network gave no reply; true when this handler wrote an answer in place of the failure.
    func recover(_ exchange: inout Exchange) -> Bool

    /// The answer to a question passed on as `tentative` is complete; true when another is to be asked of the handlers
    /// behind this one, by `Exchange.askInstead` or `askAnew`. Called again for each, until `Exchange.search` is nil.
    func reconsider(_ exchange: inout Exchange) -> Bool

    /// The handlers behind this one have answered the question it asked by `LoopServer.ask`; the verdict is about its own.
    func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict

    /// On the way out, in reverse order, once the response is complete; only for handlers the query met on its way in.
    func finish(_ exchange: inout Exchange)
}

extension Handler {
    package func received(_ reply: Reply, _ exchange: inout Exchange) {}
    package func recover(_ exchange: inout Exchange) -> Bool { false }
    package func reconsider(_ exchange: inout Exchange) -> Bool { false }
    package func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict {
        .failed(.serverFailure)
    }
    package func finish(_ exchange: inout Exchange) {}
}

/// The place of a query that waits for the network.
package struct ParkingID: Hashable, Sendable, BitwiseCopyable {
    let slot: Int
    /// Distinguishes this stay from earlier ones in the same place.
    let stay: UInt64
}

/// What became of a query that waited.
package enum Resolution {
    case reply(Reply)
    /// - Parameter because: for the error log.
    case failed(ResponseCode, ExtendedError?, because: String)
    /// What handlers behind the waiting one say to its own question.
    case inner(InnerResponse, note: AnyObject?)
}
