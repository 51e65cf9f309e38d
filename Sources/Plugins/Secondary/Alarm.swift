import Synchronization

/// Lets one task sleep until a moment, or until another wakes it, be it before it sleeps.
final class Alarm: Sendable {
    private struct State {
        var isWoken = false
        var sleeper: Task<Void, Never>?
    }

    private let clock: ZoneClock
    private let state = Mutex(State())

    init(_ clock: ZoneClock) { self.clock = clock }

    /// Returns at `moment` of the clock or earlier, when woken, or when the task is cancelled.
    func sleep(until moment: Duration) async {
        let clock = clock
        let sleeper = state.withLock { state -> Task<Void, Never>? in
            guard !state.isWoken else {
                state.isWoken = false
                return nil
            }
            let sleeper = Task { await clock.sleep(moment) }
            state.sleeper = sleeper
            return sleeper
        }
        guard let sleeper else { return }
        await withTaskCancellationHandler {
            await sleeper.value
        } onCancel: {
            sleeper.cancel()
        }
        state.withLock { $0 = State() }
    }

    /// What the sleeper is to look at must have changed before.
    func wake() {
        state.withLock { state in
            state.isWoken = true
            state.sleeper?.cancel()
        }
    }
}
