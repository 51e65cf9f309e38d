import Synchronization

@testable import Plugins

/// Time for zones that passes when a test says so.
final class SetTime: Sendable {
    private struct State {
        var now = Duration.seconds(1_000_000)
        var sleepers: [Int: (end: Duration, continuation: CheckedContinuation<Void, Never>)] = [:]
        var cancelled: Set<Int> = []
        var next = 0
    }

    private let state = Mutex(State())

    var now: Duration { state.withLock { $0.now } }

    /// When those who sleep want to be woken, the earliest first.
    var wakings: [Duration] { state.withLock { $0.sleepers.values.map(\.end).sorted() } }

    var clock: ZoneClock { ZoneClock(now: { self.now }, sleep: { await self.sleep(until: $0) }) }

    func advance(by duration: Duration) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.now += duration
            let due = state.sleepers.filter { $0.value.end <= state.now }
            for key in due.keys { state.sleepers[key] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    private func sleep(until end: Duration) async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard end > state.now, state.cancelled.remove(number) == nil else { return true }
                    state.sleepers[number] = (end, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.continuation.resume()
        }
    }
}
