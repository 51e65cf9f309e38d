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

    /// Lets the moment pass by which replicas' relists are spread; fails the test for any other action.
    mutating func spread(_ action: ReflectorMachine.Action) -> ReflectorMachine.Action {
        guard case .wait(let duration, because: nil) = action, duration <= .seconds(2) else {
            Issue.record("no short wait without a reason but \(action)")
            return action
        }
        now += duration
        return machine.resume()
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
        #expect(bench.spread(bench.refuse(410)) == newestList)
        _ = bench.watching(from: "30")
        let (wait, next) = bench.wait(bench.refuse(410))
        #expect(wait >= .milliseconds(800))
        #expect(next == newestList)

        var other = Bench()
        _ = other.watching()
        let event = StatusReport(code: 0, reason: "Expired")
        #expect(other.spread(other.end(.failed(.refused(event)))) == newestList)
    }

    @Test("replicas that lose their watches together do not list together") func relistJitter() {
        let waits = (0..<UInt64(50)).map { seed -> Duration in
            var machine = ReflectorMachine(pageSize: 500, watchdog: .seconds(55), seed: seed)
            _ = machine.listed(version: "10", next: "", at: .now)
            let report = WatchReport(
                end: .failed(.refused(StatusReport(code: 410))), version: nil, lasted: .seconds(100))
            guard case .wait(let wait, because: nil) = machine.watchEnded(report, at: .now) else { return .seconds(99) }
            return wait
        }
        #expect(waits.allSatisfy { $0 <= .seconds(2) })
        // Each tenth of the two seconds has some of fifty replicas, none of them many.
        let tenths = Dictionary(grouping: waits) { Int($0 / .milliseconds(200)) }
        #expect(tenths.count >= 8 && tenths.values.allSatisfy { $0.count <= 15 })
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

    @Test("a refused connection: the same version after growing waits, 30 to 60 seconds in the end") func refused() {
        var bench = Bench()
        _ = bench.watching()
        var waits: [Duration] = []
        var action = bench.end(.failed(.transport("refused")), lasted: .zero)
        for _ in 0..<12 {
            let (wait, next) = bench.wait(action)
            #expect(next == .probe(version: "10"))
            waits.append(wait)
            action = bench.machine.probeFailed(.transport("refused"), at: bench.now)
        }
        #expect(bench.machine.probed().watchedVersion == "10")
        let expected = [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30, 30, 30, 30]
        for (wait, least) in zip(waits, expected) { #expect(wait >= .seconds(least) && wait <= .seconds(least * 2)) }
    }

    @Test("two minutes without failure: waits start over") func rested() {
        var bench = Bench()
        _ = bench.watching()
        for _ in 0..<8 {
            _ = bench.wait(bench.end(.failed(.transport("reset")), lasted: .zero))
            _ = bench.machine.probed()
        }
        let (wait, _) = bench.wait(bench.end(.failed(.transport("reset")), version: "11", lasted: .seconds(130)))
        #expect(wait <= .seconds(1.6))
    }

    @Test("what cuts every connection after a while, or after a change, makes no wait longer than the first") func cut()
    {
        var bench = Bench()
        _ = bench.watching()
        let cuts: [(version: String?, lasted: Duration)] = [
            (nil, .seconds(1)), ("11", .milliseconds(10)), (nil, .seconds(5)),
        ]
        for (version, lasted) in cuts + cuts + cuts {
            let (wait, _) = bench.wait(bench.end(.failed(.transport("reset")), version: version, lasted: lasted))
            #expect(wait >= .milliseconds(800) && wait <= .seconds(1.6))
            _ = bench.machine.probed()
        }
        // Below the limit nothing shows that the server works.
        for least in [0.8, 1.6, 3.2] {
            let (wait, _) = bench.wait(bench.end(.failed(.transport("reset")), lasted: .milliseconds(999)))
            #expect(wait >= .seconds(least))
            _ = bench.machine.probed()
        }
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
            while bench.end(.silent, lasted: .seconds(55)) == .probe(version: "99999") {
                #expect(bench.machine.probed().watchedVersion == "99999")
                count += 1
            }
            #expect(bench.machine.resume() == newestList)
            counts.append(count)
        }
        #expect(counts == [3, 6, 12, 24])
    }

    @Test("a server restored to an older version: found by the first question after the break") func restored() {
        var bench = Bench()
        _ = bench.watching(from: "9000")
        let (_, probe) = bench.wait(bench.end(.failed(.transport("reset")), lasted: .seconds(30)))
        #expect(probe == .probe(version: "9000"))
        var report = StatusReport(code: 504)
        report.isVersionTooLarge = true
        let again = bench.machine.probeFailed(.refused(report), at: bench.now)
        #expect(bench.wait(again).1 == newestList)
    }

    @Test("the same without a break: within a minute of the last word") func restoredQuietly() {
        var bench = Bench()
        _ = bench.watching(from: "9000")
        let start = bench.now
        #expect(bench.end(.silent, lasted: .seconds(55)) == .probe(version: "9000"))
        // A server waits three seconds for a version that it does not have.
        bench.now += .seconds(3)
        var report = StatusReport(code: 504)
        report.isVersionTooLarge = true
        let next = bench.spread(bench.machine.probeFailed(.refused(report), at: bench.now))
        #expect(next == newestList)
        #expect(bench.now - start <= .seconds(60))
    }

    @Test("a server that does not answer the question is watched all the same; one that is overloaded is asked again")
    func probeRefused() {
        var bench = Bench()
        _ = bench.watching()
        _ = bench.end(.silent, lasted: .seconds(55))
        #expect(bench.machine.probeFailed(.refused(StatusReport(code: 403)), at: bench.now).watchedVersion == "10")
        _ = bench.end(.silent, lasted: .seconds(41))
        let action = bench.machine.probeFailed(.refused(StatusReport(code: 429)), at: bench.now)
        #expect(bench.wait(action).1 == .probe(version: "10"))
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
        #expect(bench.spread(bench.end(.wentBack)) == newestList)
        #expect(bench.machine.listed(version: "5", next: "", at: bench.now).watchedVersion == "5")
    }

    @Test("a list without a version is not watched from") func versionless() {
        var bench = Bench()
        #expect(bench.wait(bench.machine.listed(version: "", next: "", at: bench.now)).1 == newestList)
    }

    @Test("versions are noted as they are given on") func progress() {
        let progress = WatchProgress(WatchRequest(version: "10", timeoutSeconds: 0))
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

private let stream = WatchRequest(version: "", streamsList: true, timeoutSeconds: 0)

@Suite("following one kind: the list as a stream") struct StreamedListTests {
    private static func machine() -> ReflectorMachine {
        ReflectorMachine(pageSize: 500, streamsLists: true, watchdog: .seconds(55), seed: 7)
    }

    /// The request without its length, which is random.
    private func request(_ action: ReflectorMachine.Action) -> WatchRequest? {
        guard case .watch(var request) = action else { return nil }
        request.timeoutSeconds = 0
        return request
    }

    private func unlisted(_ end: WatchEnd) -> WatchReport {
        WatchReport(end: end, version: nil, isListed: false, lasted: .seconds(3))
    }

    @Test("the newest state is asked for; the same stream goes on with changes") func normal() {
        var machine = Self.machine()
        #expect(request(machine.resume()) == stream)
        let end = WatchReport(end: .closed, version: "70", events: 3, lasted: .seconds(400))
        #expect(machine.watchEnded(end, at: .now).watchedVersion == "70")
        #expect(request(machine.resume())?.streamsList == false)
    }

    @Test("relists are streams as well") func relist() {
        var bench = Bench(machine: Self.machine())
        _ = bench.end(.closed, version: "70")
        #expect(request(bench.spread(bench.refuse(410))) == stream)
    }

    @Test("a server without it: pages at once, and for as long as the connection is used", arguments: [400, 422])
    func refused(_ code: Int) {
        var bench = Bench(machine: Self.machine())
        let report = StatusReport(code: code, reason: code == 422 ? "Invalid" : "BadRequest")
        #expect(bench.machine.watchEnded(unlisted(.failed(.refused(report))), at: bench.now) == newestList)
        _ = bench.watching()
        #expect(bench.spread(bench.refuse(410)) == newestList)
    }

    @Test("a server that ignores it: an end mark that does not come, or a bookmark of another kind")
    func ignored() {
        for end in [WatchEnd.silent, .notStreamed] {
            var machine = Self.machine()
            #expect(machine.watchEnded(unlisted(end), at: .now) == newestList)
        }
    }

    @Test("overload, a lost connection and a missing right change nothing about the way of listing")
    func transient() {
        let failures: [RequestFailure] = [
            .transport("reset"), .refused(StatusReport(code: 429)), .refused(StatusReport(code: 503)),
            .refused(StatusReport(code: 403)), .refused(StatusReport(code: 401)), .credentials("token"),
        ]
        for failure in failures {
            var bench = Bench(machine: Self.machine())
            for _ in 0..<10 {
                let action = bench.machine.watchEnded(unlisted(.failed(failure)), at: bench.now)
                #expect(request(bench.wait(action).1) == stream)
            }
        }
    }

    @Test("streams that are cut or expire again and again: pages") func brokenStreams() {
        for end in [WatchEnd.closed, .failed(.malformed("x")), .failed(.refused(StatusReport(code: 410)))] {
            var bench = Bench(machine: Self.machine())
            var streams = 0
            var action = bench.machine.resume()
            while request(action) == stream, streams < 10 {
                streams += 1
                action = bench.machine.watchEnded(unlisted(end), at: bench.now)
                if case .wait = action { action = bench.wait(action).1 }
            }
            #expect(streams == ReflectorMachine.streamPatience)
            #expect(action == newestList)
        }
    }

    @Test("a stream that expires as soon as it is whole, again and again: pages") func expiresWhenWhole() {
        var bench = Bench(machine: Self.machine())
        var streams = 0
        var action = bench.machine.resume()
        while request(action) == stream, streams < 10 {
            streams += 1
            action = bench.end(.failed(.refused(StatusReport(code: 410))), version: "50", lasted: .seconds(1))
            if case .wait = action { action = bench.wait(action).1 }
        }
        #expect(streams == ReflectorMachine.streamPatience)
        #expect(action == newestList)
    }
}
