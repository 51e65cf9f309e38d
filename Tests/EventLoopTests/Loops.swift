import EventLoop
import Synchronization
import Testing

@Suite("event loop: jobs, timers, stop") struct Loops {
    @Test("jobs run on the loop in the order of submission")
    func jobs() async throws {
        let handle = try startLoop()
        let order = Mutex<[Int]>([])
        await withCheckedContinuation { continuation in
            for number in 0..<100 { handle.submit { _ in order.withLock { $0.append(number) } } }
            handle.submit { _ in continuation.resume() }
        }
        #expect(order.withLock { $0 } == Array(0..<100))
        handle.submit { $0.stop() }
    }

    private final class Recorder: TimerTarget {
        var fired: [UInt64] = []
        let expected: Int
        let done: ([UInt64]) -> Void

        init(expected: Int, done: @escaping ([UInt64]) -> Void) {
            self.expected = expected
            self.done = done
        }

        func timerFired(_ token: UInt64) {
            fired.append(token)
            if fired.count == expected { done(fired) }
        }
    }

    @Test("timers fire in the order of their time; cancelled ones never")
    func timers() async throws {
        let handle = try startLoop()
        let fired = await withCheckedContinuation { continuation in
            handle.submit { loop in
                let recorder = Recorder(expected: 3) { continuation.resume(returning: $0) }
                loop.schedule(after: 30_000_000, recorder, token: 3)
                loop.schedule(after: 10_000_000, recorder, token: 1)
                let cancelled = loop.schedule(after: 15_000_000, recorder, token: 9)
                loop.schedule(after: 20_000_000, recorder, token: 2)
                loop.cancel(cancelled)
            }
        }
        #expect(fired == [1, 2, 3])
        handle.submit { $0.stop() }
    }

    private final class Ending: TimerTarget, TurnTarget {
        unowned let loop: EventLoop
        var seen: [String] = []

        init(_ loop: EventLoop) { self.loop = loop }

        func timerFired(_ token: UInt64) {
            loop.callAtEndOfTurn(self)
            loop.stop { self.seen.append("ended") }
        }

        func turnEnded() { seen.append("end of the turn") }
    }

    @Test("a loop has ended when what was left for the end of its turn is done: the last answers are sent there")
    func ending() throws {
        let loop = try EventLoop(index: 0)
        let ending = Ending(loop)
        loop.schedule(after: 0, ending, token: 0)
        loop.run()
        #expect(ending.seen == ["end of the turn", "ended"])
    }

    private func startLoop() throws -> LoopHandle {
        let made = try LoopBox(index: 0)
        try LoopThread.run { made.run() }
        return made.handle
    }
}

/// Carries a loop to its thread; taken there once.
private final class LoopBox: @unchecked Sendable {
    private let loop: EventLoop
    let handle: LoopHandle

    init(index: Int) throws {
        loop = try EventLoop(index: index)
        handle = loop.handle
    }

    func run() { loop.run() }
}
