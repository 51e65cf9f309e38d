import CLinux
import Glibc

/// What waits for a descriptor; lives on one loop.
package protocol ReadinessHandler: AnyObject {
    func ready(readable: Bool, writable: Bool)
}

/// What waits for a point in time; lives on one loop.
package protocol TimerTarget: AnyObject {
    /// - Parameter token: as given to `schedule`.
    func timerFired(_ token: UInt64)
}

/// What has something to do when all else of a turn is done; lives on one loop.
package protocol TurnTarget: AnyObject {
    func turnEnded()
}

/// What has short work that must not wait until a long turn has done all else; lives on one loop.
package protocol UrgentTarget: AnyObject {
    /// Does a little of what waits; called whenever half a millisecond of a turn has passed.
    func serveWaiting()
}

/// One thread, one epoll, its sockets and timers; the only source of "now" for everything on it.
///
/// Everything but `handle` is for the loop's own thread.
@safe package final class EventLoop {
    /// Nanoseconds of the monotonic clock, read once a turn.
    package private(set) var now: UInt64
    package let handle: LoopHandle
    package let index: Int
    /// What lives on this loop, for jobs that come from other threads.
    package var resident: AnyObject?

    private let epoll: Descriptor
    private var handlers: [Registration: any ReadinessHandler] = [:]
    private var nextRegistration: UInt64 = 1
    private var timers = TimerQueue()
    private var atEndOfTurn: [any TurnTarget] = []
    /// Those that are called now; what they add waits for the next round.
    private var ending: [any TurnTarget] = []
    /// What must not wait for all else of a long turn.
    package var urgent: [any UrgentTarget] = []
    private static let patience: UInt64 = 500_000
    private var isStopping = false
    private var ended: () -> Void = {}
    private let clock: () -> UInt64
    private let events: UnsafeMutablePointer<epoll_event>
    private static let maximumEvents = 64
    private static let longestEnd = 4

    /// Identifies a registered descriptor.
    package struct Registration: Hashable, Sendable, BitwiseCopyable {
        let token: UInt64
    }

    /// - Parameter clock: nanoseconds that never go back; a test may give one that it sets.
    package init(index: Int, clock: @escaping () -> UInt64 = cl_now) throws(SystemError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw .last("epoll_create1") }
        epoll = Descriptor(number)
        self.index = index
        handle = try LoopHandle()
        self.clock = clock
        now = clock()
        unsafe events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.maximumEvents)
        guard cl_epoll_change(number, EPOLL_CTL_ADD, handle.wakeNumber, EPOLLIN.rawValue, 0) == 0 else {
            throw .last("epoll_ctl")
        }
    }

    deinit { unsafe events.deallocate() }

    // MARK: Descriptors

    package func register(
        _ number: Int32, readable: Bool = true, writable: Bool = false, handler: any ReadinessHandler
    ) -> Registration {
        let registration = Registration(token: nextRegistration)
        nextRegistration += 1
        handlers[registration] = handler
        _ = cl_epoll_change(epoll.number, EPOLL_CTL_ADD, number, Self.events(readable, writable), registration.token)
        return registration
    }

    package func change(_ registration: Registration, _ number: Int32, readable: Bool, writable: Bool) {
        _ = cl_epoll_change(epoll.number, EPOLL_CTL_MOD, number, Self.events(readable, writable), registration.token)
    }

    /// To be called before the descriptor is closed.
    package func unregister(_ registration: Registration, _ number: Int32) {
        handlers[registration] = nil
        _ = cl_epoll_change(epoll.number, EPOLL_CTL_DEL, number, 0, 0)
    }

    private static func events(_ readable: Bool, _ writable: Bool) -> UInt32 {
        (readable ? EPOLLIN.rawValue : 0) | (writable ? EPOLLOUT.rawValue : 0)
    }

    // MARK: Timers

    /// Calls `target` once, `delay` nanoseconds from now or up to one turn later.
    @discardableResult
    package func schedule(after delay: UInt64, _ target: any TimerTarget, token: UInt64) -> TimerID {
        timers.insert(deadline: now &+ delay, target: target, token: token)
    }

    package func cancel(_ timer: TimerID) { timers.cancel(timer) }

    /// Calls `target` once, at the end of this turn; or of the next one, where this turn ends already.
    package func callAtEndOfTurn(_ target: any TurnTarget) { atEndOfTurn.append(target) }

    /// The clock itself, for how long something took within one turn.
    package var currentTime: UInt64 { clock() }

    /// When the next timer is due, in nanoseconds of the clock; nil without one.
    package var nextDeadline: UInt64? { timers.nextDeadline }

    // MARK: Running

    /// Runs until `stop`.
    package func run() {
        while !isStopping { turn(longestWait: atEndOfTurn.isEmpty ? timers.waitMilliseconds(now) : 0) }
        handlers.removeAll()
        ended()
    }

    /// One turn: waits, takes what is ready, then jobs from other threads, then due timers, then what was
    /// left for the end.
    ///
    /// - Parameter longestWait: milliseconds; -1 for ever.
    /// - Returns: false when there was nothing to do.
    @discardableResult
    package func turn(longestWait: Int32) -> Bool {
        let count = unsafe epoll_wait(epoll.number, events, Int32(Self.maximumEvents), longestWait)
        var isBusy = count > 0
        now = clock()
        var servedUrgent = now
        for position in 0..<max(0, Int(count)) {
            if position > 0, !urgent.isEmpty, case let moment = clock(), moment &- servedUrgent > Self.patience {
                for target in urgent { target.serveWaiting() }
                servedUrgent = clock()
            }
            let ready = unsafe events[position].events
            let token = unsafe cl_event_token(events + position)
            if token == 0 {
                handle.drainWake()
            } else if let handler = handlers[Registration(token: token)] {
                let failed = ready & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
                handler.ready(
                    readable: failed || ready & EPOLLIN.rawValue != 0,
                    writable: failed || ready & EPOLLOUT.rawValue != 0)
                if count > 1, urgent.contains(where: { $0 === handler }) { servedUrgent = clock() }
            }
        }
        for job in handle.takeJobs() { job(self) }
        while let (target, token) = timers.popDue(now) {
            isBusy = true
            target.timerFired(token)
        }
        endTurn()
        return isBusy
    }

    private func endTurn() {
        // What answers is sent by others: rounds, as many as one turn may take.
        for _ in 0..<Self.longestEnd where !atEndOfTurn.isEmpty {
            swap(&atEndOfTurn, &ending)
            for target in ending { target.turnEnded() }
            ending.removeAll(keepingCapacity: true)
        }
    }

    /// Ends `run` after the current turn.
    ///
    /// - Parameter ended: called once nothing of the turn is left to do.
    package func stop(then ended: @escaping () -> Void = {}) {
        isStopping = true
        self.ended = ended
    }
}
