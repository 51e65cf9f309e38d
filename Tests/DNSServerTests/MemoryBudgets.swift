import DNSServer
import Synchronization
import Telemetry
import TestKit
import Testing

@Suite("memory: a budget is kept") struct MemoryBudgets {
    private static let budget = 100_000_000
    private static let second: UInt64 = 1_000_000_000

    /// Keeps pieces of one octet, ten at least.
    private final class Pieces: MemoryHolder {
        private let state = Mutex((kept: 1000, growths: 0))

        func giveUpHalf(now: UInt64) -> Int {
            state.withLock { state in
                let before = state.kept
                state.kept = min(before, max(10, before / 2))
                return before - state.kept
            }
        }

        func mayGrow() { state.withLock { $0.growths += 1 } }
        var kept: Int { state.withLock { $0.kept } }
        var growths: Int { state.withLock { $0.growths } }
    }

    /// A watch on a clock of its own, with one who keeps something.
    private final class Watched {
        let metrics = MetricRegistry()
        let budget: MemoryBudget
        let pieces = Pieces()
        var trims: Int { counted.withLock { $0 } }
        private let counted = Mutex(0)
        private var watch: MemoryWatch?
        var now = MemoryBudgets.second

        init() {
            budget = MemoryBudget(metrics)
            budget.register(pieces)
            watch = MemoryWatch(budget) { [unowned self] in counted.withLock { $0 += 1 } }
        }

        /// Lets a second pass, then looks at `percent` of the budget; gives nanoseconds to the next look.
        @discardableResult func look(_ percent: Int, of octets: Int? = MemoryBudgets.budget) -> UInt64 {
            now += MemoryBudgets.second
            return watch?.look(resident: MemoryBudgets.budget / 100 * percent, budget: octets, now: now) ?? 0
        }

        func value(_ metric: String) -> String? {
            metrics.text.split(separator: "\n").first { $0.hasPrefix(metric + " ") }?.split(separator: " ").last
                .map(String.init)
        }
    }

    @Test("levels begin at 85 and 95 percent, and end 5 below") func levels() {
        func path(_ percents: [Int]) -> [MemoryLevel] {
            var level = MemoryLevel.ample
            return percents.map { percent in
                level = level.next(resident: Self.budget / 100 * percent, budget: Self.budget)
                return level
            }
        }
        #expect(path([0, 84, 85, 94, 95, 200]) == [.ample, .ample, .tight, .tight, .short, .short])
        #expect(path([95, 90, 89, 80, 79]) == [.short, .short, .tight, .tight, .ample])
        #expect(path([95, 79, 84, 85]) == [.short, .ample, .ample, .tight])
        #expect(path([85, 80, 84, 79]) == [.tight, .tight, .tight, .ample])
    }

    @Test("what is kept is halved at each look as long as there is too much, down to what stays") func halving() {
        let watched = Watched()
        watched.look(84)
        #expect(watched.pieces.kept == 1000)
        watched.look(85)
        #expect(watched.pieces.kept == 500)
        // Between the end of a level and its beginning nothing is given up, and nothing grows.
        let growths = watched.pieces.growths
        watched.look(82)
        #expect(watched.pieces.kept == 500)
        #expect(watched.pieces.growths == growths)
        for _ in 0..<20 { watched.look(99) }
        #expect(watched.pieces.kept == 10)
        #expect(watched.value("coredns_memory_evictions_total") == "990")
        #expect(watched.value("coredns_memory_level") == "2")
        #expect(watched.value("coredns_memory_budget_bytes") == "100000000")
    }

    @Test("memory is returned to the system with what is given up; with nothing given up, every ten seconds")
    func trims() {
        let watched = Watched()
        watched.look(84)
        #expect(watched.trims == 0)
        for _ in 0..<6 { watched.look(90) }
        #expect(watched.trims == 6)
        for _ in 0..<25 { watched.look(90) }
        #expect(watched.pieces.kept == 10)
        #expect((8...9).contains(watched.trims))
    }

    @Test("who gave up may grow again once a second while memory is ample") func growth() {
        let watched = Watched()
        watched.look(90)
        for _ in 0..<10 { watched.look(50) }
        #expect(watched.pieces.growths == 10)
    }

    @Test("the nearer the budget, the sooner it is looked at again") func pauses() {
        let watched = Watched()
        #expect(watched.look(0) == Self.second * 85 / 100)
        #expect(watched.look(80) == Self.second / 10)
        #expect(watched.look(100) == Self.second / 10)
        #expect(watched.look(100, of: Self.budget * 100) == Self.second)
    }

    @Test("without a budget nothing is given up") func none() {
        let watched = Watched()
        watched.look(99)
        watched.look(1000, of: nil)
        #expect(watched.budget.level == .ample)
        #expect(watched.pieces.kept == 500)
        #expect(watched.value("coredns_memory_budget_bytes") == "0")
    }

    @Test("a holder that is gone is forgotten, and none is asked twice") func registration() {
        let watched = Watched()
        for _ in 0..<3 { watched.budget.register(watched.pieces) }
        watched.budget.register(Pieces())
        watched.look(90)
        #expect(watched.value("coredns_memory_evictions_total") == "500")
    }

    @Test("a level is said once until memory has been ample for a minute, and then what it cost") func log() {
        RecordedLog.begin()
        // A size that no other test has.
        let watched = Watched()
        let budget = 777 << 20
        func look(_ percent: Int) { watched.look(percent, of: budget) }
        func lines() -> [String] { RecordedLog.lines(with: "of 777 MiB") }
        for _ in 0..<3 {
            for percent in [700, 800, 700, 800, 200] { look(percent) }
        }
        #expect(lines().count == 2)
        #expect(lines().first?.contains("kept replies are given up") == true)
        #expect(lines().last?.contains("upstreams") == true)
        let end = "memory: there is enough again; 990 kept replies were given up, 7 queries were not asked upstream"
        for _ in 0..<7 { watched.budget.countShed() }
        #expect(RecordedLog.lines(with: end).isEmpty)
        for _ in 0..<61 { look(200) }
        #expect(RecordedLog.lines(with: end).count == 1)
        look(700)
        #expect(lines().count == 3)
    }

    @Test("while memory is short 64 queries wait and no more; afterwards as many as ever") func shedding() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(Script { waiting.park(for: "\($0.client.address)") }, waiting: waiting, places: 100)
        dns.memory.set(.tight, of: Self.budget)
        for number in 0..<70 { #expect(dns.ask("\(number).test. A", from: "192.0.2.\(number)") == "silence") }
        dns.memory.set(.short, of: Self.budget)
        #expect(dns.ask("a.test. A") == "SERVFAIL")
        for _ in 0..<7 { waiting.fail() }
        #expect(dns.ask("b.test. A") == "silence")
        #expect(dns.ask("c.test. A") == "SERVFAIL")
        #expect(dns.metric("coredns_memory_shed_total") == "2")
        dns.memory.set(.tight, of: Self.budget)
        #expect(dns.ask("d.test. A") == "silence")
    }
}
