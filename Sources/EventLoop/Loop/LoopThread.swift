import CLinux
import Glibc

/// Starts threads that each run one loop.
package enum LoopThread {
    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread of its own.
    package static func run(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(body))
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            unsafe start.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        _ = pthread_detach(thread)
    }

    /// Throws where the process may not have `count` threads more.
    ///
    /// For libraries that end the process when they cannot begin a thread: to be called before they try.
    package static func expect(_ count: Int) throws(SystemError) {
        let bell = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_SEMAPHORE))
        guard bell >= 0 else { throw .last("eventfd") }
        defer { close(bell) }
        var threads: [pthread_t] = []
        var code: Int32 = 0
        while threads.count < count, code == 0 {
            var thread = pthread_t()
            // Each waits until all are there: one that has ended leaves its place to the next.
            code = unsafe pthread_create(
                &thread, nil,
                { bell in
                    var one: UInt64 = 0
                    _ = unsafe read(Int32(Int(bitPattern: bell)), &one, 8)
                    return nil
                }, UnsafeMutableRawPointer(bitPattern: Int(bell)))
            if code == 0 { threads.append(thread) }
        }
        var all = UInt64(threads.count)
        if all > 0 { _ = unsafe write(bell, &all, 8) }
        for thread in threads { _ = pthread_join(thread, nil) }
        guard code == 0 else { throw SystemError(call: "pthread_create", code: code) }
    }
}

/// How many loops this process should run.
package enum LoopCount {
    /// The smaller of the cores it may use and its cgroup quota rounded up, at least one.
    package static var recommended: Int {
        let cores = Int(cl_usable_cores())
        guard let quota = cgroupQuota else { return max(1, cores) }
        return max(1, min(cores, quota))
    }

    private static var cgroupQuota: Int? {
        guard let text = KernelFile.text("/sys/fs/cgroup/cpu.max") else { return nil }
        let parts = text.split(whereSeparator: \.isWhitespace)
        guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), period > 0 else { return nil }
        return (quota + period - 1) / period
    }
}
