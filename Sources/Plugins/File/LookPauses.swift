import EventLoop

/// How long to wait between two looks at a file or folder that is followed.
///
/// What is not there is often about to come, as a zone that `sign` has yet to write, or a volume that is being mounted: it
/// is looked for after a second, and then after pauses that double until they are the usual ones.
struct LookPauses {
    /// Between two looks at what is there.
    let usual: Duration
    private var early = first

    private static let first = Duration.seconds(1)

    init(usual: Duration) { self.usual = usual }

    /// The pause before the next look.
    ///
    /// - Parameter isMissing: whether the last look found nothing.
    mutating func next(isMissing: Bool) -> Duration {
        guard isMissing else {
            early = Self.first
            return usual
        }
        defer { early = min(early * 2, usual) }
        return min(early, usual)
    }

    /// What is said of such a file when it is first missed.
    static func promise(_ usual: Duration) -> String {
        usual > first
            ? "trying again after \(first), then after longer pauses of up to \(usual)" : "trying again every \(usual)"
    }

    /// Looks again and again on a thread until the task is cancelled; never where the usual pause is zero.
    ///
    /// - Parameters:
    ///   - isMissing: whether the last look found nothing.
    ///   - look: is not called for a task that is cancelled while it waits for the thread: others may look by then.
    static func follow(
        every usual: Duration, on thread: WorkThread, isMissing: @Sendable () -> Bool,
        look: @escaping @Sendable () -> Void
    ) async {
        guard usual > .zero else { return }
        var pauses = LookPauses(usual: usual)
        while (try? await Task.sleep(for: pauses.next(isMissing: isMissing()))) != nil {
            await thread.run { if !Task.isCancelled { look() } }
        }
    }
}
