import EventLoop
import Glibc
import Synchronization
import Testing

@Suite("work that takes long, on a thread of its own") struct WorkThreads {
    private struct Refusal: Error {}

    private final class Seen: Sendable {
        let state = Mutex((now: 0, most: 0, threads: Set<UInt>()))
    }

    @Test("one piece after the other, and none on the threads that others share") func serial() async {
        let thread = WorkThread()
        let seen = Seen()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    await thread.run {
                        seen.state.withLock { inside in
                            inside.now += 1
                            inside.most = max(inside.most, inside.now)
                            inside.threads.insert(UInt(pthread_self()))
                        }
                        sched_yield()
                        seen.state.withLock { $0.now -= 1 }
                    }
                }
            }
        }
        #expect(seen.state.withLock { $0.most } == 1)
        #expect(!seen.state.withLock { $0.threads }.contains(UInt(pthread_self())))
    }

    @Test("what work gives or throws arrives") func outcomes() async {
        #expect(await WorkThread().run { 7 } == 7)
        await #expect(throws: Refusal.self) {
            try await WorkThread().run { () throws(Refusal) -> Int in throw Refusal() }
        }
    }

    @Test("work knows that nobody wants it any more") func cancellation() async {
        let thread = WorkThread()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await thread.run { Task.isCancelled }
        }
        #expect(await task.value)
    }
}
