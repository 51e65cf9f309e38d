import EventLoop
import Testing

@Suite("event loop: timers, on a clock that the test sets") struct Timers {
    /// A loop, and what its timers did.
    private final class Bench: TimerTarget {
        var now: UInt64 = 1000
        var fired: [String] = []
        var then: (UInt64) -> Void = { _ in }
        private(set) var loop: EventLoop?

        func make() throws -> EventLoop {
            let loop = try EventLoop(index: 0) { [unowned self] in now }
            self.loop = loop
            return loop
        }

        func timerFired(_ token: UInt64) {
            fired.append("\(token) at \(loop?.now ?? 0)")
            then(token)
        }
    }

    @Test("they go off in the order of their time, not of their making") func order() throws {
        let bench = Bench()
        let loop = try bench.make()
        let delays: [UInt64] = [50, 10, 40, 20, 30, 60, 15, 5]
        for delay in delays { loop.schedule(after: delay, bench, token: delay) }
        bench.now = 1045
        loop.turn(longestWait: 0)
        #expect(bench.fired == [5, 10, 15, 20, 30, 40].map { "\($0) at 1045" })
        bench.now = 1060
        loop.turn(longestWait: 0)
        #expect(bench.fired.suffix(2) == ["50 at 1060", "60 at 1060"])
    }

    @Test("those of one time go off in the order of their making, whatever stands between them") func together() throws
    {
        let bench = Bench()
        let loop = try bench.make()
        for number in 0..<100 as Range<UInt64> {
            loop.schedule(after: 500, bench, token: number)
            loop.schedule(after: 1 + (number * 37) % 499, bench, token: 1000)
        }
        bench.now = 2000
        loop.turn(longestWait: 0)
        #expect(bench.fired.suffix(100) == (0..<100).map { "\($0) at 2000" })
    }

    @Test("many, whatever the order they were made in, each once", arguments: 1...5 as ClosedRange<UInt64>)
    func many(_ seed: UInt64) throws {
        let bench = Bench()
        let loop = try bench.make()
        // A walk through all residues, different for each seed.
        let delays = (0..<499).map { ($0 * (seed * 2 + 5)) % 499 }
        for delay in delays { loop.schedule(after: delay, bench, token: delay) }
        bench.now = 2000
        loop.turn(longestWait: 0)
        #expect(bench.fired == (0..<499).map { "\($0) at 2000" })
    }

    @Test("one is due at its time, not a nanosecond before") func boundary() throws {
        let bench = Bench()
        let loop = try bench.make()
        loop.schedule(after: 10, bench, token: 1)
        bench.now = 1009
        #expect(!loop.turn(longestWait: 0))
        #expect(bench.fired.isEmpty)
        bench.now = 1010
        #expect(loop.turn(longestWait: 0))
        #expect(bench.fired == ["1 at 1010"])
        #expect(!loop.turn(longestWait: 0))
    }

    @Test("a cancelled one does not go off, and the others do") func cancelled() throws {
        let bench = Bench()
        let loop = try bench.make()
        let timers = (1...5).map { loop.schedule(after: UInt64($0), bench, token: UInt64($0)) }
        loop.cancel(timers[0])
        loop.cancel(timers[3])
        loop.cancel(timers[3])
        loop.cancel(.none)
        bench.now = 1100
        loop.turn(longestWait: 0)
        #expect(bench.fired == ["2 at 1100", "3 at 1100", "5 at 1100"])
        // To cancel what went off does nothing to what was made since.
        loop.schedule(after: 1, bench, token: 6)
        loop.cancel(timers[1])
        bench.now = 1200
        loop.turn(longestWait: 0)
        #expect(bench.fired.last == "6 at 1200")
    }

    @Test("one may be cancelled by another that goes off in the same turn") func cancelledInTurn() throws {
        let bench = Bench()
        let loop = try bench.make()
        loop.schedule(after: 1, bench, token: 1)
        let second = loop.schedule(after: 2, bench, token: 2)
        bench.then = { if $0 == 1 { loop.cancel(second) } }
        bench.now = 1100
        loop.turn(longestWait: 0)
        #expect(bench.fired == ["1 at 1100"])
    }

    @Test("one made for now by another goes off in the same turn, behind those that were due before")
    func made() throws {
        let bench = Bench()
        let loop = try bench.make()
        loop.schedule(after: 1, bench, token: 1)
        loop.schedule(after: 2, bench, token: 2)
        bench.then = { if $0 == 1 { loop.schedule(after: 0, bench, token: 3) } }
        bench.now = 1100
        #expect(loop.turn(longestWait: 0))
        #expect(bench.fired == ["1 at 1100", "2 at 1100", "3 at 1100"])
    }

    @Test("one made for later by another waits from the turn's time on") func madeLater() throws {
        let bench = Bench()
        let loop = try bench.make()
        loop.schedule(after: 1, bench, token: 1)
        bench.then = { if $0 == 1 { loop.schedule(after: 10, bench, token: 2) } }
        bench.now = 1100
        loop.turn(longestWait: 0)
        #expect(loop.nextDeadline == 1110)
        bench.now = 1109
        loop.turn(longestWait: 0)
        #expect(bench.fired == ["1 at 1100"])
    }

    @Test("when the next one is due is known: the earliest, nil without any") func nextDeadline() throws {
        let bench = Bench()
        let loop = try bench.make()
        #expect(loop.nextDeadline == nil)
        loop.schedule(after: 30, bench, token: 1)
        #expect(loop.nextDeadline == 1030)
        loop.schedule(after: 20, bench, token: 2)
        loop.schedule(after: 40, bench, token: 3)
        #expect(loop.nextDeadline == 1020)
        bench.now = 1025
        loop.turn(longestWait: 0)
        #expect(loop.nextDeadline == 1030)
        bench.now = 1040
        loop.turn(longestWait: 0)
        #expect(loop.nextDeadline == nil)
    }

    @Test("a cancelled one keeps its place until its time, and lets go of its target at once") func place() throws {
        let bench = Bench()
        let loop = try bench.make()
        var target: Bench? = Bench()
        weak let held = target
        let timer = loop.schedule(after: 10, target ?? bench, token: 1)
        target = nil
        #expect(held != nil)
        loop.cancel(timer)
        #expect(held == nil)
        #expect(loop.nextDeadline == 1010)
        bench.now = 1010
        // Nothing was done.
        #expect(!loop.turn(longestWait: 0))
        #expect(loop.nextDeadline == nil)
    }

    @Test("a timer holds its target until it went off") func held() throws {
        let bench = Bench()
        let loop = try bench.make()
        var target: Bench? = Bench()
        weak let held = target
        loop.schedule(after: 10, target ?? bench, token: 1)
        target = nil
        bench.now = 1010
        loop.turn(longestWait: 0)
        #expect(held == nil)
    }

    @Test("the time is read once a turn, and a clock read in between is another matter") func now() throws {
        let bench = Bench()
        let loop = try bench.make()
        #expect(loop.now == 1000)
        bench.now = 1500
        #expect(loop.now == 1000)
        #expect(loop.currentTime == 1500)
        loop.turn(longestWait: 0)
        #expect(loop.now == 1500)
    }

    @Test("jobs of other threads run before timers of the same turn, in their order") func jobs() throws {
        let bench = Bench()
        let loop = try bench.make()
        loop.schedule(after: 0, bench, token: 1)
        let resident = Bench()
        loop.resident = resident
        defer { loop.resident = nil }
        for word in ["a", "b"] {
            loop.handle.submit { loop in (loop.resident as? Bench)?.fired.append(word) }
        }
        bench.then = { _ in resident.fired.append("timer") }
        #expect(loop.turn(longestWait: 0))
        #expect(resident.fired == ["a", "b", "timer"])
    }
}
