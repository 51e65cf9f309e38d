import DNSWire
import EventLoop
import Telemetry

/// How queries that waited go on.
extension LoopServer {
    /// Continues the query that waited at `id`; does nothing when it is gone.
    package func resume(_ id: ParkingID, with resolution: Resolution) {
        guard let parked = parking.query(id), let question = parked.question, let origin = parked.origin else {
            parking.leave(id)
            return
        }
        var exchange = revive(parked, size: origin.depth > 0 ? 65535 : Exchange.sizeLimit(parked.asked, parked.transport))
        exchange.question = question
        var visit = parked.visit
        let verdict = apply(resolution, &exchange, visit, origin)
        if let router = origin.router, verdict != nil || reconsider(&exchange, &visit) {
            innerDepth = origin.depth
            let outcome = walk(&exchange, &visit, router, after: verdict)
            innerDepth = 0
            switch outcome {
            case .parked(let next):
                parking.query(next)?.keep(&exchange, visit, origin)
                return parking.leave(id)
            case .silent where origin.depth == 0 && exchange.search == nil:
                counters.dropped.bump()
                switch origin {
                case .stream(let connection): connection.unanswered()
                case .posted(let query): query.answered(.silent)
                case .datagram, .inner, .nobody: break
                }
                return parking.leave(id)
            case .silent: exchange.fail(.serverFailure, because: "no response to a question of a plugin")
            case .complete: break
            }
        }
        let length = complete(&exchange, visit)
        parking.leave(id)
        if case .inner(let question) = origin { return conclude(question, exchange, length: length) }
        deliver(length, to: origin)
    }

    /// The exchange of a query that waited, as it was.
    private func revive(_ parked: ParkedQuery, size: Int) -> Exchange {
        var writer = MessageWriter(streamRoom.bytes.suffix(from: 2))
        writer.resume(
            parked.response.bytes.view(parked.responseLength), answers: parked.answers, size: size, query: parked.asked)
        var exchange = Exchange(
            message: parked.message.bytes.view(parked.messageLength), asked: parked.asked, response: writer,
            client: parked.client, transport: parked.transport, received: parked.received,
            aliasScratch: aliasScratch.bytes)
        exchange.style = parked.style
        exchange.aliases = parked.aliases
        exchange.isAuthoritative = parked.isAuthoritative
        exchange.search = parked.search
        if let names = parked.visit.block?.names, names.indices.contains(parked.visit.position) {
            exchange.answeredBy = names[parked.visit.position]
        }
        return exchange
    }

    /// Lets the handlers of the current question see what came; a verdict when the walk goes on from it.
    private func apply(
        _ resolution: Resolution, _ exchange: inout Exchange, _ visit: Visit, _ origin: Origin
    ) -> Verdict? {
        guard let block = visit.block else { return nil }
        let lowest = block === visit.firstBlock && exchange.isFirstQuestion ? visit.lowestPosition : 0
        var position = visit.position - 1
        switch resolution {
        case .reply(let reply):
            exchange.answer(with: reply)
            while position >= lowest {
                block.handlers[position].received(reply, &exchange)
                position -= 1
            }
        case .failed(let code, let error, let reason):
            exchange.fail(code, error, because: reason)
            while position >= lowest {
                if block.handlers[position].recover(&exchange) { break }
                position -= 1
            }
        case .inner(let response, let note):
            (runningBlock, runningPosition, runningRouter) = (block, visit.position, origin.router)
            innerDepth = origin.depth + 1
            defer { innerDepth = 0 }
            return block.handlers[visit.position].answered(response, &exchange, note: note)
        }
        return nil
    }

    private func deliver(_ length: Int, to origin: Origin) {
        switch origin {
        case .datagram(let listener, let path):
            listener.send(streamRoom.bytes.view(2, length), along: path)
        case .stream(let connection):
            connection.answered(streamRoom.bytes, length: length)
        case .posted(let query):
            query.answered(.response(streamRoom.bytes.view(2, length).array))
        case .inner, .nobody: break
        }
    }
}
