internal import Synchronization

/// Holds requests back as `RequestPace` says.
final class RequestGate: Sendable {
    /// Counts as a request under way for as long as somebody holds it.
    final class Place: Sendable {
        private let gate: RequestGate

        fileprivate init(_ gate: RequestGate) { self.gate = gate }

        deinit { gate.leave() }
    }

    private typealias Waiting = CheckedContinuation<Bool, Never>

    private struct State {
        var bucket: TokenBucket?
        var free: Int
        var waiting: [(ticket: UInt64, resume: Waiting)] = []
        var nextTicket: UInt64 = 0
    }

    private let state: Mutex<State>

    init(_ pace: RequestPace) {
        state = Mutex(
            State(
                bucket: pace.perSecond.map { TokenBucket(perSecond: $0, burst: pace.burst, at: .now) },
                free: pace.inFlight.map { max($0, 1) } ?? .max))
    }

    /// Waits until a request may be sent.
    ///
    /// - Returns: what to hold while it is under way.
    func enter() async throws(APIFailure) -> Place {
        let wait = state.withLock { $0.bucket?.take(at: .now) } ?? .zero
        if wait > .zero {
            do { try await Task.sleep(for: wait) } catch { throw .cancelled }
        }
        guard await takePlace() else { throw .cancelled }
        return Place(self)
    }

    /// - Returns: false when the task was cancelled while it waited.
    private func takePlace() async -> Bool {
        let ticket = state.withLock { state in
            state.nextTicket &+= 1
            return state.nextTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (resume: Waiting) in
                let entered = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((ticket, resume))
                    return nil
                }
                if let entered { resume.resume(returning: entered) }
            }
        } onCancel: {
            let cancelled = state.withLock { state -> Waiting? in
                guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return nil }
                return state.waiting.remove(at: index).resume
            }
            cancelled?.resume(returning: false)
        }
    }

    private func leave() {
        let next = state.withLock { state -> Waiting? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            // The place goes from hand to hand, so that nobody who came later takes it.
            return state.waiting.removeFirst().resume
        }
        next?.resume(returning: true)
    }
}
