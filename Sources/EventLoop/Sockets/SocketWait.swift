import Synchronization

/// Lets tasks wait until a socket can be used: all of them on one loop, whose thread begins with the first that waits.
package enum SocketWait {
    package enum Direction: Sendable {
        case reading
        case writing
    }

    private static let loop = begin()
    private static let nextNumber = Atomic<UInt64>(1)

    private static func begin() -> Result<LoopHandle, SystemError> {
        do throws(SystemError) {
            let start = try LoopStart(EventLoop(index: 0))
            try LoopThread.run {
                let loop = start.take()
                loop.resident = SocketWaits()
                loop.run()
            }
            return .success(start.handle)
        } catch {
            return .failure(error)
        }
    }

    /// Waits until the socket can be read from or written to, or has failed, which the next call on it tells.
    ///
    /// - Parameter number: the socket's descriptor, which the caller keeps open meanwhile.
    /// - Returns: false when `end` came first, or the task was cancelled.
    /// - Throws: what kept the loop from starting.
    package static func wait(
        for number: Int32, _ direction: Direction, until end: ContinuousClock.Instant
    ) async throws(SystemError) -> Bool {
        let handle = try loop.get()
        let ticket = SocketTicket(nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                handle.submit { loop in
                    guard let waits = loop.resident as? SocketWaits, !ticket.isCancelled.load(ordering: .acquiring)
                    else { return continuation.resume(returning: false) }
                    waits.begin(ticket.number, number, direction, until: end, on: loop, continuation)
                }
            }
        } onCancel: {
            // Whichever comes first, this or the wait itself, is seen by the other.
            ticket.isCancelled.store(true, ordering: .releasing)
            handle.submit { loop in (loop.resident as? SocketWaits)?.end(ticket.number, isReady: false) }
        }
    }
}

/// One wait, as the task and its canceller know it.
private final class SocketTicket: Sendable {
    let number: UInt64
    let isCancelled = Atomic<Bool>(false)

    init(_ number: UInt64) { self.number = number }
}

/// All waits, on the loop's thread.
private final class SocketWaits {
    private var waits: [UInt64: SocketWaiter] = [:]

    func begin(
        _ number: UInt64, _ descriptor: Int32, _ direction: SocketWait.Direction, until end: ContinuousClock.Instant,
        on loop: EventLoop, _ continuation: CheckedContinuation<Bool, Never>
    ) {
        waits[number] = SocketWaiter(descriptor, direction, until: end, on: loop) { [weak self] isReady in
            self?.waits[number] = nil
            continuation.resume(returning: isReady)
        }
    }

    func end(_ number: UInt64, isReady: Bool) { waits[number]?.end(isReady) }
}

/// One wait on the loop's thread.
private final class SocketWaiter: ReadinessHandler, TimerTarget {
    private let descriptor: Int32
    private unowned let loop: EventLoop
    private var registration: EventLoop.Registration?
    private var timer: TimerID?
    private let done: (Bool) -> Void

    init(
        _ descriptor: Int32, _ direction: SocketWait.Direction, until end: ContinuousClock.Instant,
        on loop: EventLoop, done: @escaping (Bool) -> Void
    ) {
        self.descriptor = descriptor
        self.loop = loop
        self.done = done
        registration = loop.register(
            descriptor, readable: direction == .reading, writable: direction == .writing, handler: self)
        let left = (end - .now) / .nanoseconds(1)
        timer = loop.schedule(after: UInt64(min(max(0, left), 1e18)), self, token: 0)
    }

    func ready(readable: Bool, writable: Bool) { end(true) }
    func timerFired(_ token: UInt64) { end(false) }

    func end(_ isReady: Bool) {
        guard let registration, let timer else { return }
        loop.unregister(registration, descriptor)
        loop.cancel(timer)
        self.registration = nil
        self.timer = nil
        done(isReady)
    }
}
