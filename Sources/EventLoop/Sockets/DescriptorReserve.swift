import Glibc

/// The file descriptors that clients' connections leave to what keeps the server alive: the API server, upstreams, health
/// and metrics pages, and files that are read again.
package enum DescriptorReserve {
    /// Lets the process have as many as the system allows it, as Go's programs do; gives how many that are.
    @discardableResult package static func raiseLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many are kept, of `limit` in all: 256, or half where that is less.
    package static func size(of limit: Int) -> Int { min(256, limit / 2) }

    /// Read once: nothing in the process changes it later.
    private static let limit = raiseLimit()
    /// The first number that belongs to the reserve.
    private static let first = Int32(clamping: limit - size(of: limit))

    /// How many of the reserve each listener's clients may take, so that those of others do not shut them out.
    package static let share = max(1, size(of: limit) / 16)

    /// True when a new descriptor with this number stands in the reserve: the kernel gives the lowest free number
    /// (POSIX.1-2017, 2.14), so all below are taken.
    package static func holds(_ number: Int32) -> Bool { number >= first }

    /// True when the next descriptor would stand in the reserve; for sockets whose number is not known.
    package static var isReached: Bool {
        let number = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
        guard number >= 0 else { return true }
        _ = close(number)
        return holds(number)
    }
}
