import CLinux
import Glibc
import Synchronization

/// The one part of a loop that other threads may touch: a box of jobs and the bell that wakes the loop.
package final class LoopHandle: Sendable {
    private let wake: Descriptor
    private let jobs = Mutex<[@Sendable (EventLoop) -> Void]>([])

    init() throws(SystemError) {
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw .last("eventfd") }
        wake = Descriptor(number)
    }

    var wakeNumber: Int32 { wake.number }

    /// Runs `job` on the loop's thread, in the order of submission.
    package func submit(_ job: @escaping @Sendable (EventLoop) -> Void) {
        let isFirst = jobs.withLock { jobs in
            jobs.append(job)
            return jobs.count == 1
        }
        // Whoever put the first job into the box rang the bell, which is heard before the box is emptied.
        guard isFirst else { return }
        var one: UInt64 = 1
        _ = unsafe write(wake.number, &one, 8)
    }

    func drainWake() {
        var count: UInt64 = 0
        _ = unsafe read(wake.number, &count, 8)
    }

    func takeJobs() -> [@Sendable (EventLoop) -> Void] {
        jobs.withLock { jobs in
            guard !jobs.isEmpty else { return [] }
            defer { jobs = [] }
            return jobs
        }
    }
}
