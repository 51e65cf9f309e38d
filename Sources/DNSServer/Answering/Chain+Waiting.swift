import DNSWire
package import EventLoop
import Telemetry

/// Queries that wait for the network, and how they go on.
extension Chain {
    func keep(_ exchange: consuming Exchange, at id: ParkingID, for asker: Asker) {
        let deadline = exchange.style.deadline
        if deadline < .max { QueryDeadline.set(id, deadline, self) }
        parking.keep(exchange, at: id, for: asker)
    }

    /// How many queries may wait while memory is short: whoever asks little is served all the same.
    static let placesWhenShort = 64

    /// Keeps a place for a query of `client`; nil when too many wait already, or too many of this client (see
    /// `verdictWithoutPlace`).
    package func park(for client: SocketAddress) -> ParkingID? {
        guard memory.isShort else { return parking.reserve(for: client) }
        let place = parking.reserve(for: client, of: Self.placesWhenShort)
        if place == nil { memory.countShed() }
        return place
    }

    /// What becomes of a query for which there is no place.
    package var verdictWithoutPlace: Verdict {
        memory.isShort
            ? .failed(.serverFailure, .shortOfMemory, because: "memory is short, too many queries wait for upstreams")
            : .failed(.refused, .noReachableAuthority, because: "too many queries wait for upstreams")
    }

    /// Continues the query that waited at `id`; does nothing when it is gone.
    package func resume(_ id: ParkingID, with resolution: Resolution) {
        resume(id) { exchange in
            if case .passedOn = resolution, exchange.position.hasHandlersBehind { return .next }
            settle(resolution, &exchange)
            return nil
        }
    }

    /// - Parameter decide: gives the verdict of the handler the query waited for; nil when the response is written.
    func resume(_ id: ParkingID, _ decide: (inout Exchange) -> Verdict?) {
        let asker = parking.asker(id)
        guard var exchange = parking.take(id) else { return parking.leave(id) }
        exchange.moveResponse(to: streamOutput.suffix(from: 2))
        if let verdict = decide(&exchange), let router = asker.router {
            switch walk(&exchange, router, after: verdict) {
            case .parked(let next):
                keep(exchange, at: next, for: asker)
                return parking.leave(id)
            case .silent:
                if case .handler = asker {
                    exchange.fail(.serverFailure, nil, because: "no response to a question of a plugin")
                    break
                }
                counters.dropped.bump()
                parking.leave(id)
                return leaveUnanswered(asker)
            case .complete: break
            }
        }
        let length = complete(&exchange)
        parking.leave(id)
        deliver(exchange, length, to: asker)
    }

    /// Writes what came and lets the handlers before the one that waited see it.
    private func settle(_ resolution: Resolution, _ exchange: inout Exchange) {
        let position = exchange.position
        guard let block = position.block else { return }
        let lowest = block === position.firstBlock && exchange.isFirstQuestion ? position.lowest : 0
        let passed = block.handlers[lowest..<max(lowest, position.handler)].reversed()
        switch resolution {
        case .response(let response):
            exchange.answer(with: response)
            for handler in passed { handler.received(response, &exchange) }
        case .failed(let code, let error, let reason):
            exchange.fail(code, error, because: reason)
            for handler in passed where handler.recover(&exchange) { return }
        case .passedOn(let otherwise): settle(otherwise, &exchange)
        case .written: break
        }
    }

    private func deliver(_ exchange: borrowing Exchange, _ length: Int, to asker: Asker) {
        switch asker {
        case .datagram(let listener, let path): listener.send(streamOutput.view(2, length), along: path)
        case .stream(let connection): connection.answered(streamOutput, length: length)
        case .transport(let asker): asker.answered(.response(streamOutput.view(2, length).array))
        case .handler(let question): conclude(question, exchange, length)
        case .nobody: break
        }
    }

    private func leaveUnanswered(_ asker: Asker) {
        switch asker {
        case .stream(let connection): connection.unanswered()
        case .transport(let asker): asker.answered(.silent)
        case .datagram, .handler, .nobody: break
        }
    }
}
