import Testing

@testable import KubernetesAPI

/// A machine and a clock that moves only when told.
private struct Bench {
    var machine = ReflectorMachine(pageSize: 500, watchdog: .seconds(55), seed: 7)
    var now = ContinuousClock.now

    /// Lists, so that the machine watches from `version`.
    mutating func watching(from version: String = "10") -> Bench {
        _ = machine.listed(version: version, next: "", at: now)
        return self
    }

    mutating func failList(_ failure: RequestFailure) -> ReflectorMachine.Action {
        machine.listFailed(failure, at: now)
    }

    mutating func end(
        _ end: WatchEnd, version: String? = nil, events: Int = 0, lasted: Duration = .seconds(300)
    ) -> ReflectorMachine.Action {
        now += lasted
        return machine.watchEnded(WatchReport(end: end, version: version, events: events, lasted: lasted), at: now)
    }

    mutating func refuse(_ code: Int, retryAfter: Duration? = nil) -> ReflectorMachine.Action {
        end(.failed(.refused(StatusReport(code: code, retryAfter: retryAfter))), lasted: .zero)
    }

    /// Lets a wait pass and returns what comes after it; fails the test for any other action.
    mutating func wait(_ action: ReflectorMachine.Action) -> (Duration, ReflectorMachine.Action) {
        guard case .wait(let duration, _) = action else {
            Issue.record("no wait but \(action)")
            return (.zero, action)
        }
        now += duration
        return (duration, machine.resume())
    }
}

private let firstList = ReflectorMachine.Action.list(ListRequest(version: "0", limit: 500))
private let newestList = ReflectorMachine.Action.list(ListRequest(version: "", limit: 500))

extension ReflectorMachine.Action {
    fileprivate var watchedVersion: String? { if case .watch(let request) = self { request.version } else { nil } }
    fileprivate var watchSeconds: Int? { if case .watch(let request) = self { request.timeoutSeconds } else { nil } }
}

@Suite("following one kind: what happens, what is done") struct ReflectorMachineTests {
    @Test("lists what is at hand in pages, then watches from there") func listThenWatch() {
        var bench = Bench()
        #expect(bench.machine.resume() == firstList)
        #expect(
            bench.machine.listed(version: "10", next: "t1", at: bench.now) == .list(ListRequest(limit: 500, page: "t1"))
        )
        #expect(
            bench.machine.listed(version: "10", next: "t2", at: bench.now) == .list(ListRequest(limit: 500, page: "t2"))
        )
        let action = bench.machine.listed(version: "10", next: "", at: bench.now)
        #expect(action.watchedVersion == "10")
        #expect((300...600).contains(action.watchSeconds ?? 0))
    }

    @Test("watches end at different times") func jitter() {
        let seconds = (0..<UInt64(20)).map { seed in
            var machine = ReflectorMachine(pageSize: 500, watchdog: .seconds(55), seed: seed)
            return machine.listed(version: "1", next: "", at: .now).watchSeconds ?? 0
        }
        #expect(Set(seconds).count > 10)
    }

    @Test("a clean end: the next watch at once, from the last version") func cleanEnd() {
        var bench = Bench()
        _ = bench.watching()
        #expect(bench.end(.closed, version: "17", events: 3).watchedVersion == "17")
        #expect(bench.end(.closed, version: "20").watchedVersion == "20")
    }

    @Test("410 in either form: a list of the newest, at once only the first time") func expired() {
        var bench = Bench()
        _ = bench.watching()
        #expect(bench.refuse(410) == newestList)
        _ = bench.watching(from: "30")
        let (wait, next) = bench.wait(bench.refuse(410))
        #expect(wait >= .milliseconds(800))
        #expect(next == newestList)

        var other = Bench()
        _ = other.watching()
        let event = StatusReport(code: 0, reason: "Expired")
        #expect(other.end(.failed(.refused(event))) == newestList)
    }

    @Test("every watch expired: at most ten lists a minute") func alwaysExpired() {
        var bench = Bench()
        let start = bench.now
        var lists = 0
        while bench.now - start < .seconds(60) {
            _ = bench.watching()
            let action = bench.refuse(410)
            lists += 1
            if case .wait = action { _ = bench.wait(action) }
        }
        #expect(lists <= 10)
    }

    @Test("429 and 5xx: the same watch after the time asked for") func overload() {
        var bench = Bench()
        _ = bench.watching()
        let (asked, next) = bench.wait(bench.refuse(429, retryAfter: .seconds(20)))
        #expect(asked >= .seconds(20) && asked <= .seconds(21))
        #expect(next.watchedVersion == "10")
        let (own, again) = bench.wait(bench.refuse(503))
        #expect(own >= .milliseconds(800) && own < .seconds(4))
        #expect(again.watchedVersion == "10")
    }

    @Test("a refused connection: the same watch after growing waits, 30 to 60 seconds in the end") func refused() {
        var bench = Bench()
        _ = bench.watching()
        var waits: [Duration] = []
        for _ in 0..<12 {
            let (wait, next) = bench.wait(bench.end(.failed(.transport("refused")), lasted: .zero))
            #expect(next.watchedVersion == "10")
            waits.append(wait)
        }
        let expected = [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30, 30, 30, 30]
        for (wait, least) in zip(waits, expected) { #expect(wait >= .seconds(least) && wait <= .seconds(least * 2)) }
    }

    @Test("two minutes without failure: waits start over") func rested() {
        var bench = Bench()
        _ = bench.watching()
        for _ in 0..<8 { _ = bench.wait(bench.end(.failed(.transport("reset")), lasted: .zero)) }
        let (wait, _) = bench.wait(bench.end(.failed(.transport("reset")), version: "11", lasted: .seconds(130)))
        #expect(wait <= .seconds(1.6))
    }

    @Test("watches closed at once are no busy loop; after five the version is doubted") func shortWatches() {
        var bench = Bench()
        _ = bench.watching()
        for _ in 0..<4 {
            let (wait, next) = bench.wait(bench.end(.closed, lasted: .milliseconds(3)))
            #expect(wait >= .milliseconds(800))
            #expect(next.watchedVersion == "10")
        }
        #expect(bench.wait(bench.end(.closed, lasted: .milliseconds(3))).1 == newestList)
    }

    @Test("a silent watch: opened again at once from the last version, and shorter than the watchdog") func silent() {
        var bench = Bench()
        _ = bench.watching()
        let action = bench.end(.silent, version: "12", lasted: .seconds(55))
        #expect(action.watchedVersion == "12")
        #expect((action.watchSeconds ?? 100) < 53)
    }

    @Test("a connection that we closed ourselves is no failure") func givenUp() {
        var bench = Bench()
        _ = bench.watching()
        #expect(bench.end(.givenUp, version: "12").watchedVersion == "12")
        #expect(bench.end(.givenUp, lasted: .zero).watchedVersion == "12")
    }

    @Test("nothing at all for several watches: the version is doubted, more and more rarely") func silentForever() {
        var bench = Bench()
        var counts: [Int] = []
        for _ in 0..<4 {
            _ = bench.watching(from: "99999")
            var count = 1
            while bench.end(.silent, lasted: .seconds(55)).watchedVersion != nil { count += 1 }
            counts.append(count)
        }
        #expect(counts == [3, 6, 12, 24])
    }

    @Test("bookmarks keep a quiet watch trusted") func bookmarked() {
        var bench = Bench()
        _ = bench.watching()
        for version in 11..<100 {
            #expect(
                bench.end(.silent, version: String(version), lasted: .seconds(115)).watchedVersion == String(version))
        }
    }

    @Test("a page token that expired: everything in one list") func pageExpired() {
        var bench = Bench()
        _ = bench.machine.listed(version: "10", next: "t1", at: bench.now)
        #expect(bench.failList(.refused(StatusReport(code: 410))) == .list(ListRequest(version: "", limit: nil)))
    }

    @Test("a page lost on the way is asked for again; a page that cannot be read starts over") func pageLost() {
        var bench = Bench()
        let page = bench.machine.listed(version: "10", next: "t1", at: bench.now)
        #expect(bench.wait(bench.failList(.transport("reset"))).1 == page)
        #expect(bench.wait(bench.failList(.refused(StatusReport(code: 503)))).1 == page)
        #expect(bench.wait(bench.failList(.malformed("x"))).1 == newestList)
    }

    @Test("a bad page token starts over") func badToken() {
        var bench = Bench()
        _ = bench.machine.listed(version: "10", next: "t1", at: bench.now)
        #expect(bench.wait(bench.failList(.refused(StatusReport(code: 400)))).1 == newestList)
    }

    @Test("410 or a version too large on the first page: the newest at once") func listExpired() {
        var bench = Bench()
        #expect(bench.failList(.refused(StatusReport(code: 410))) == newestList)
        var other = Bench()
        var report = StatusReport(code: 504)
        report.isVersionTooLarge = true
        #expect(other.failList(.refused(report)) == newestList)
        #expect(other.wait(other.failList(.refused(report))).1 == newestList)
    }

    @Test("401: again within five seconds") func unauthorized() {
        var bench = Bench()
        for _ in 0..<10 {
            let (wait, next) = bench.wait(bench.failList(.refused(StatusReport(code: 401))))
            #expect(wait <= .seconds(5))
            #expect(next == firstList)
        }
        #expect(bench.wait(bench.failList(.credentials("token"))).0 <= .seconds(5))
    }

    @Test("403: reported as forbidden, again after half a minute or more") func forbidden() {
        var bench = Bench()
        let action = bench.failList(.refused(StatusReport(code: 403)))
        guard case .wait(let wait, let failure) = action else {
            Issue.record("no wait")
            return
        }
        #expect(failure?.isForbidden == true)
        #expect(wait >= .seconds(30) && wait <= .seconds(60))
        #expect(bench.machine.resume() == firstList)
        // Later, while watching, nothing is listed anew.
        _ = bench.watching()
        #expect(bench.wait(bench.refuse(403)).1.watchedVersion == "10")
    }

    @Test("an ERROR event of another kind: a new list after a wait") func otherError() {
        var bench = Bench()
        _ = bench.watching()
        #expect(bench.wait(bench.refuse(400)).1 == newestList)
        _ = bench.watching()
        #expect(bench.wait(bench.refuse(500)).1.watchedVersion == "10")
    }

    @Test("an event that cannot be read: a new list after a wait") func malformed() {
        var bench = Bench()
        _ = bench.watching()
        #expect(bench.wait(bench.end(.failed(.malformed("x")))).1 == newestList)
    }

    @Test("a list may be older than what was known; a watch that goes back ends in a list") func wentBack() {
        var bench = Bench()
        _ = bench.watching(from: "1000")
        #expect(bench.end(.wentBack) == newestList)
        #expect(bench.machine.listed(version: "5", next: "", at: bench.now).watchedVersion == "5")
    }

    @Test("a list without a version is not watched from") func versionless() {
        var bench = Bench()
        #expect(bench.wait(bench.machine.listed(version: "", next: "", at: bench.now)).1 == newestList)
    }

    @Test("versions are noted as they are given on") func progress() {
        let progress = WatchProgress(from: "10")
        #expect(progress.report(.closed, lasted: .zero).version == nil)
        #expect(progress.advance(to: "12", isChange: true))
        #expect(progress.report(.closed, lasted: .zero).version == nil)
        progress.commit()
        #expect(progress.report(.closed, lasted: .zero).version == "12")
        #expect(progress.advance(to: "", isChange: false))
        #expect(progress.advance(to: "12", isChange: false))
        #expect(!progress.advance(to: "11", isChange: true))
        #expect(progress.advance(to: "not a number", isChange: true))
    }
}
