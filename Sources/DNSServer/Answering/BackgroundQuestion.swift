import DNSWire
import EventLoop

extension LoopServer {
    /// Asks the handlers behind the one that is answering now the same question again, for the sake of their reply.
    ///
    /// Nothing is sent to the client; handlers before see the reply through `received` and nothing else.
    package func askInBackground(_ exchange: borrowing Exchange) {
        guard let block = runningBlock, exchange.isFirstQuestion else { return }
        let question = BackgroundQuestion(
            message: exchange.message.array, client: exchange.client, block: block, position: runningPosition + 1,
            server: self)
        // Not now: the scratch memory of the query being answered is in use.
        loop.schedule(after: 0, question, token: 0)
    }

    fileprivate func ask(_ question: BackgroundQuestion) {
        withBytes(question.message) { message in
            var query = Query()
            let folded = ByteBlock(capacity: 255)
            guard QuestionParser.parse(message, into: &query, scratch: folded.bytes) == .accepted else { return }
            let room = ByteBlock(capacity: 65535)
            var writer = MessageWriter(room.bytes)
            writer.begin(message, query, size: 65535)
            let scratch = ByteBlock(capacity: Exchange.aliasScratchCapacity)
            var exchange = Exchange(
                message: message, asked: query, response: writer, client: question.client, transport: .tcp,
                received: loop.now, aliasScratch: scratch.bytes)
            var visit = Visit()
            visit.block = question.block
            visit.position = question.position
            if case .parked(let id) = walk(&exchange, &visit, ServerBlockRouter([])) {
                parking.query(id)?.keep(&exchange, visit, .nobody)
            }
        }
    }
}

/// A question asked again for a handler, not for a client.
private final class BackgroundQuestion: TimerTarget {
    let message: [UInt8]
    let client: SocketAddress
    let block: LoopBlock
    let position: Int
    private unowned let server: LoopServer

    init(message: [UInt8], client: SocketAddress, block: LoopBlock, position: Int, server: LoopServer) {
        self.message = message
        self.client = client
        self.block = block
        self.position = position
        self.server = server
    }

    func timerFired(_ token: UInt64) { server.ask(self) }
}
