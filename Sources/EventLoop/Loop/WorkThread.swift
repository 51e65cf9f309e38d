import Synchronization

/// A thread for work that takes long or waits for disks, one piece after the other.
///
/// Swift's shared threads are as few as the cores: what holds them up keeps pages, reloads and signals waiting. The thread
/// is there while there is work. It has no lower priority: threads that are begun meanwhile would have it for good.
package final class WorkThread: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Reads, lays out and signs zones in the background.
    package static let zones = WorkThread()
    /// Reads the smaller files that are looked at every now and then.
    package static let files = WorkThread()

    package init() {}

    /// What `body` gives, once all that was asked for before is done. It is to look at `Task.isCancelled` where it may.
    package func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let work = Task(executorPreference: self) { () -> Result<Value, Failure> in
            do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
        }
        let result = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        return try result.get()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFirst else { return }
        do throws(SystemError) {
            try LoopThread.run { [self] in
                while let job = next() { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
            }
        } catch {
            // Without a thread the work is done late, and holds others up, rather than never.
            while let job = next() { globalConcurrentExecutor.enqueue(job) }
        }
    }

    private func next() -> UnownedJob? {
        state.withLock { state in
            guard state.jobs.isEmpty else { return state.jobs.removeFirst() }
            state.isRunning = false
            return nil
        }
    }
}
