internal import Synchronization

/// Ends work that waits on a peer that has fallen silent, which TCP alone may not notice for hours.
final class SilenceLimit: Sendable {
    private struct State {
        var limit: Duration
        var heardAt = ContinuousClock.now
        var isPaused = false
    }

    private let state: Mutex<State>

    init(_ limit: Duration) { state = Mutex(State(limit: limit)) }

    /// From now on the peer may be silent for so long.
    func allow(_ limit: Duration) { state.withLock { $0.limit = limit } }

    /// The peer was heard.
    func ended() { state.withLock { $0.heardAt = .now } }

    /// Runs `work` without counting its time as silence: then it is we who keep the peer waiting.
    func paused(_ work: () async -> Void) async {
        state.withLock { $0.isPaused = true }
        await work()
        state.withLock {
            $0.isPaused = false
            $0.heardAt = .now
        }
    }

    /// - Returns: what `work` returns; nil when it was cancelled for silence.
    func run<Value: Sendable>(_ work: @escaping @Sendable (SilenceLimit) async -> Value) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await work(self) }
            group.addTask {
                await self.wait()
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            // When the caller was cancelled both end: work's own words about it count.
            if case .some(nil) = first, Task.isCancelled { return await group.next() ?? nil }
            return first ?? nil
        }
    }

    /// Returns when the silence is over the limit, or when cancelled.
    private func wait() async {
        while true {
            let deadline = state.withLock { ($0.isPaused ? ContinuousClock.now : $0.heardAt) + $0.limit }
            guard deadline > .now else { return }
            do { try await Task.sleep(until: deadline, clock: .continuous) } catch { return }
        }
    }
}
