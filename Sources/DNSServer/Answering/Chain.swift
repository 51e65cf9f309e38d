import DNSWire

/// How a walk through handlers ended.
enum Outcome {
    /// The response is complete but for its header.
    case complete
    case parked(ParkingID)
    case silent
}

/// Runs the handlers of server blocks in order, then the way out in reverse.
extension LoopServer {
    /// Walks from `visit` on, following aliases through the whole server, until no handler wants another name tried.
    ///
    /// - Parameter verdict: what the handler at `visit` has decided already.
    func walk(
        _ exchange: inout Exchange, _ visit: inout Visit, _ router: ServerBlockRouter, after verdict: Verdict? = nil
    ) -> Outcome {
        if runningRouter !== router { runningRouter = router }
        exchange.server = router.address
        var verdict = verdict
        while true {
            let outcome = walkOnce(&exchange, &visit, router, after: verdict)
            verdict = nil
            guard case .complete = outcome, reconsider(&exchange, &visit) else { return outcome }
        }
    }

    /// True when the handler that searches for a name has another question, which is then asked from `visit` on.
    func reconsider(_ exchange: inout Exchange, _ visit: inout Visit) -> Bool {
        guard let search = exchange.search, let block = visit.firstBlock, search.position < block.handlers.count,
            block.handlers[search.position].reconsider(&exchange)
        else { return false }
        visit.block = block
        visit.position = search.position + 1
        return true
    }

    private func walkOnce(
        _ exchange: inout Exchange, _ visit: inout Visit, _ router: ServerBlockRouter, after verdict: Verdict?
    ) -> Outcome {
        var decided = verdict
        if case .next? = decided {
            visit.position += 1
            decided = nil
        }
        while true {
            guard let block = visit.block else {
                guard let found = router.find(exchange) else {
                    // An alias that leads out of what this server answers is itself the answer (RFC 1034 §4.3.2).
                    if exchange.isFirstQuestion { exchange.fail(.refused, .notAuthoritative) }
                    return .complete
                }
                visit.block = found
                visit.position = 0
                if visit.firstBlock == nil { visit.firstBlock = found }
                continue
            }
            let verdict = decided ?? step(&exchange, &visit, block)
            decided = nil
            switch verdict {
            case .askAgain:
                visit.block = nil
            case .suspended:
                guard let id = exchange.parking else {
                    exchange.fail(.serverFailure, because: "a plugin waits without a place")
                    return .complete
                }
                exchange.parking = nil
                return .parked(id)
            case .dropped:
                return .silent
            case .answered, .next, .tentative:
                return .complete
            case .failed(let code):
                exchange.response.code = code
                return .complete
            }
        }
    }

    private func step(_ exchange: inout Exchange, _ visit: inout Visit, _ block: LoopBlock) -> Verdict {
        if runningBlock !== block { runningBlock = block }
        while visit.position < block.handlers.count {
            if exchange.isFirstQuestion { visit.firstPosition = visit.position }
            runningPosition = visit.position
            let verdict = block.handlers[visit.position].answer(&exchange)
            if case .tentative = verdict, exchange.isFirstQuestion {
                exchange.search = NameSearch(position: visit.position)
            }
            switch verdict {
            case .next, .tentative:
                visit.position += 1
                continue
            default: break
            }
            if !exchange.isAdopted { exchange.answeredBy = block.names[visit.position] }
            return verdict
        }
        guard exchange.isFirstQuestion else {
            // A name tried for the client that nobody answers for is not there.
            if exchange.isMissing || exchange.asksOtherName { exchange.response.code = .nameError }
            return .answered
        }
        // Nobody wanted it: a block without a plugin for the name refuses it.
        exchange.fail(block.handlers.isEmpty ? .refused : .serverFailure, .notAuthoritative,
                      because: block.handlers.isEmpty ? nil : "no next plugin found")
        return .answered
    }

    /// Completes header and OPT and lets the handlers of the first question see the result; gives the length.
    func complete(_ exchange: inout Exchange, _ visit: Visit) -> Int {
        if exchange.isAuthoritative { exchange.response.flags |= HeaderFlag.authoritative }
        if let block = visit.firstBlock, block.offersRecursion {
            exchange.response.flags |= HeaderFlag.recursionAvailable
        }
        let length = exchange.response.finish(exchange.asked)
        exchange.responseSize = length
        guard let block = visit.firstBlock else { return length }
        if exchange.aliases > 0, visit.firstPosition < block.names.count {
            exchange.answeredBy = block.names[visit.firstPosition]
        }
        var position = min(visit.firstPosition, block.handlers.count - 1)
        while position >= visit.lowestPosition {
            block.handlers[position].finish(&exchange)
            position -= 1
        }
        return length
    }
}

extension Exchange {
    /// Answers the current question with `reply`.
    ///
    /// - Parameters:
    ///   - age: seconds since the reply was received.
    ///   - minimumTTL: the least any TTL may say before the age is taken off, in seconds.
    ///   - maximumTTL: the most.
    package mutating func answer(
        with reply: Reply, age: UInt32 = 0, minimumTTL: UInt32 = 0, maximumTTL: UInt32 = .max
    ) {
        response.append(
            reply, to: question, asked: asked, TimeToLive(age: age, minimum: minimumTTL, maximum: maximumTTL),
            rotation: style.rotation, scratch: nameScratch)
        if asked.checkingDisabled { response.flags |= HeaderFlag.checkingDisabled }
    }
}
