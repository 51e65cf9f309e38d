/// Runs a lease: tries to lead, and says when it does and when no longer.
package struct LeaseElection: Sendable {
    package enum Change: Sendable, Equatable {
        /// Leads, and may act until then; told again with each renewal.
        case leads(until: ContinuousClock.Instant)
        /// Stopped leading; the next holder as far as is known, which may be nobody.
        case follows(String)
        /// A request failed; who leads has not changed by it.
        case failed(RequestProblem)
    }

    private let store: any LeaseStore
    private let identity: String
    private let timing: LeaseMachine.Timing
    private let clock: @Sendable () -> Double

    /// - Parameter clock: seconds since 1970.
    package init(
        store: any LeaseStore, identity: String, timing: LeaseMachine.Timing, clock: @escaping @Sendable () -> Double
    ) {
        self.store = store
        self.identity = identity
        self.timing = timing
        self.clock = clock
    }

    /// Tries until cancelled; then hands the lease over if it is ours.
    ///
    /// - Parameters:
    ///   - release: called before the lease is given up on the way out, so that nothing acts any more.
    ///   - changed: told of each change, from this task.
    package func run(release: @Sendable () async -> Void, changed: @Sendable (Change) -> Void) async {
        var machine = LeaseMachine(identity: identity, timing: timing)
        var told: Change?
        func tell(_ change: Change) {
            guard change != told else { return }
            told = change
            changed(change)
        }
        var mayWatch = true
        while !Task.isCancelled {
            let problem = await attempt(&machine)
            // Losing a race is how an election goes.
            if let problem, !problem.isConflict { changed(.failed(problem)) }
            if let until = machine.leadsUntil, until > .now {
                tell(.leads(until: until))
                try? await Task.sleep(for: timing.retryPeriod)
            } else {
                tell(.follows(machine.holder))
                await idle(&machine, &mayWatch, forbidden: { changed(.failed($0)) }) { tell(.follows($0)) }
            }
        }
        await release()
        await handOver(machine)
    }

    // MARK: While another leads

    private enum Event: Sendable {
        case seen(LeaseRecord?)
        case expired
        case unwatched(RequestProblem?)
    }

    /// Follows the lease while another holds it; returns when it may be free.
    ///
    /// - Parameters:
    ///   - mayWatch: false once following was forbidden: then the lease is read every retry period.
    ///   - forbidden: told once that it was.
    ///   - holds: told who does.
    private func idle(
        _ machine: inout LeaseMachine, _ mayWatch: inout Bool, forbidden: (RequestProblem) -> Void,
        holds: (String) -> Void
    ) async {
        let (events, source) = AsyncStream<Event>.makeStream()
        let store = store
        let watch = mayWatch ? Task { source.yield(.unwatched(await store.follow { source.yield(.seen($0)) })) } : nil
        if watch == nil { source.yield(.unwatched(nil)) }
        var alarm = Self.alarm(at: machine.expires, source)
        defer {
            watch?.cancel()
            alarm?.cancel()
        }
        waiting: for await event in events {
            switch event {
            case .seen(let record):
                if case .write = machine.read(record, at: .now, clock: clock()) { break waiting }
                holds(machine.holder)
                alarm?.cancel()
                alarm = Self.alarm(at: machine.expires, source)
            case .expired:
                if let expires = machine.expires, expires > .now { continue }
                break waiting
            case .unwatched(let problem):
                if let problem, problem.isForbidden {
                    mayWatch = false
                    forbidden(problem)
                }
                // Followers spread out, so that they do not all read at the same moment.
                let next = ContinuousClock.now + timing.retryPeriod * Double.random(in: 1..<2.2)
                try? await Task.sleep(until: min(next, machine.expires ?? next), clock: .continuous)
                return
            }
        }
        // All followers see the same: not all of them need write at the same moment.
        try? await Task.sleep(for: .milliseconds(Int64.random(in: 0..<200)))
    }

    private static func alarm(
        at expires: ContinuousClock.Instant?, _ source: AsyncStream<Event>.Continuation
    ) -> Task<Void, Never>? {
        expires.map { expires in
            Task {
                try? await Task.sleep(until: expires, clock: .continuous)
                source.yield(.expired)
            }
        }
    }

    // MARK: Requests

    /// One try to take or renew the lease, given up when the leader would have to stop.
    private func attempt(_ machine: inout LeaseMachine) async -> RequestProblem? {
        let started = ContinuousClock.now
        do throws(RequestProblem) {
            if let renewal = machine.renewal(at: started, clock: clock()) {
                do throws(RequestProblem) {
                    machine.wrote(try await store.write(renewal), started: started)
                    return nil
                } catch  where error.isConflict || error.isMissing {
                    // Somebody has written: read what.
                }
            }
            let found = try await store.read()
            guard case .write(let record) = machine.read(found, at: .now, clock: clock()) else { return nil }
            let sent = ContinuousClock.now
            machine.wrote(try await store.write(record), started: sent)
            return nil
        } catch {
            return error
        }
    }

    private func handOver(_ machine: LeaseMachine) async {
        guard machine.leads(at: .now) else { return }
        // A task of its own: this one is cancelled, and its requests would be too.
        let (store, clock) = (store, clock)
        await Task {
            guard let found = try? await store.read(), let released = machine.release(found, clock: clock()) else {
                return
            }
            _ = try? await store.write(released)
        }.value
    }
}
