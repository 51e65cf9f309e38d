package import DNSWire

/// The further messages of an answer that takes more than one (RFC 5936 §2.2); lives on one loop.
///
/// The first message is the handler's own; the others are asked for when the client has taken those before.
package protocol MessageSource: AnyObject {
    /// Appends records to the next message until no more fit.
    ///
    /// - Returns: true when there are more.
    func fill(_ response: inout MessageWriter) -> Bool

    /// Closes each message; nil where nothing stands last.
    var seal: (any MessageSeal)? { get }
}

extension MessageSource {
    package var seal: (any MessageSeal)? { nil }
}

/// An answer of several messages on its way over one connection.
struct StreamedAnswer {
    let source: any MessageSource
    /// The query.
    let message: [UInt8]
    /// When it must have been taken, in nanoseconds of the loop's clock.
    let deadline: UInt64
    /// Octets the client has taken since the write timer was set.
    var taken = 0
}

extension LoopServer {
    /// True when one more answer of several messages may begin on this loop.
    package var mayStream: Bool { streamedAnswers < streamLimits.streamedAnswers }

    /// Writes the next message of a streamed answer into `output`.
    ///
    /// - Returns: its length, and whether there are more.
    func continueAnswer(_ answer: StreamedAnswer, into output: OutputBytes) -> (length: Int, isMore: Bool) {
        withBytes(answer.message) { message in
            var query = Query()
            // It was accepted once, so it is again.
            guard chain.parse(message, into: &query) == .accepted else { return (0, false) }
            var writer = MessageWriter(output)
            writer.begin(message, query, size: 65535)
            let seal = answer.source.seal
            if let seal { writer.limit(to: writer.limit - seal.size) }
            let isMore = answer.source.fill(&writer)
            writer.flags |= HeaderFlag.authoritative
            let length = writer.finish(query)
            return (seal?.close(&writer) ?? length, isMore)
        }
    }
}
