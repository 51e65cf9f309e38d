/// Decides how one kind of object is kept in step with the API server: list, watch, and what to do when either ends.
///
/// Pure: the driver performs the action, reports how it went, and gets the next one. The rules are those of client-go's
/// reflector, with more care for silent streams. Nothing here removes what was learnt: old objects stay until a new
/// list is complete.
struct ReflectorMachine {
    enum Action: Equatable {
        case list(ListRequest)
        case watch(WatchRequest)
        /// Ask whether the server has got to this version at all, without getting any object.
        case probe(version: String)
        /// Wait, then call `resume`. The failure is nil when nothing went wrong that is worth telling.
        case wait(Duration, because: RequestFailure?)
    }

    private enum Plan: Equatable {
        case list(ListRequest)
        /// The state of at least that version and then changes, on one stream.
        case stream(from: String)
        case watch(from: String)
        case probe(version: String)
    }

    /// A refusal that only an administrator can change is tried again this often, plus jitter.
    static let slowRetry = Duration.seconds(30)
    /// A new token may come at any moment.
    static let longestCredentialsWait = Duration.seconds(5)
    /// Watches asked to end before the watchdog, after one fell silent.
    static let shortWatchCount = 20
    /// All replicas of a cluster lose their watches at the same moment: lists after that begin within this time.
    static let relistSpread = Duration.seconds(2)
    /// A watch that was open for less says nothing of the server behind what answered.
    static let shortest = Duration.seconds(1)
    /// Streamed lists in a row that ended before they were whole, or expired at once, before pages are tried.
    static let streamPatience = 3

    private let pageSize: Int
    private let watchdog: Duration
    private var backoff: Backoff
    private var plan: Plan
    /// Failures in a row while watching from one version, without a watch that worked.
    private var failedWatches = 0
    /// Watches in a row that brought nothing at all.
    private var silentWatches = 0
    /// Silent watches after which the version itself is doubted.
    private var silencePatience = 3
    private var shortWatchesLeft = 0
    /// False once the server has shown that it cannot; not asked again on this connection.
    private var streamsLists: Bool
    private var failedStreams = 0
    /// A list was complete: what follows are relists, which can wait for a moment.
    private var hasListed = false

    /// - Parameters:
    ///   - pageSize: objects of one page.
    ///   - streamsLists: ask for the initial state as events (WatchList) where the server can.
    ///   - watchdog: the longest silence of a watch.
    ///   - seed: of the jitter.
    init(pageSize: Int, streamsLists: Bool = false, watchdog: Duration, seed: UInt64) {
        self.pageSize = pageSize
        self.streamsLists = streamsLists
        self.watchdog = watchdog
        backoff = Backoff(seed: seed)
        plan = streamsLists ? .stream(from: "") : .list(ListRequest(version: "0", limit: pageSize))
    }

    /// What to do first, and after each wait.
    mutating func resume() -> Action {
        switch plan {
        case .list(let request): .list(request)
        case .stream(let version):
            .watch(WatchRequest(version: version, streamsList: true, timeoutSeconds: watchSeconds()))
        case .watch(let version): .watch(WatchRequest(version: version, timeoutSeconds: watchSeconds()))
        case .probe(let version): .probe(version: version)
        }
    }

    // MARK: Lists

    /// A page has come.
    ///
    /// - Parameters:
    ///   - version: of the list.
    ///   - next: the token of the page after it; empty when it was the last.
    mutating func listed(version: String, next: String, at now: ContinuousClock.Instant) -> Action {
        guard case .list(let request) = plan else { return resume() }
        if !next.isEmpty {
            plan = .list(ListRequest(limit: request.limit, page: next))
        } else if version.isEmpty || version == "0" {
            // A watch from nowhere would bring every object again as new.
            return retry(.list(firstPage("")), .malformed("a list without a resource version"), at: now)
        } else {
            plan = .watch(from: version)
            failedWatches = 0
            silentWatches = 0
            hasListed = true
        }
        return resume()
    }

    /// A page has not come, or not whole.
    mutating func listFailed(_ failure: RequestFailure, at now: ContinuousClock.Instant) -> Action {
        guard case .list(let request) = plan else { return resume() }
        guard case .refused(let report) = failure else {
            // A page token outlives a broken connection; a page that cannot be read is asked for from the start.
            if case .transport = failure { return retry(plan, failure, at: now) }
            return retry(.list(firstPage("")), failure, at: now)
        }
        if report.isExpired, !request.page.isEmpty {
            // As client-go's pager: pages of different versions do not make one list.
            plan = .list(ListRequest(version: "", limit: nil))
            return resumeUnlessRepeated(failure, at: now)
        }
        if report.isExpired || report.isVersionTooLarge {
            let wasNewest = request.version == ""
            plan = .list(firstPage(""))
            return wasNewest ? retry(plan, failure, at: now) : resumeUnlessRepeated(failure, at: now)
        }
        // Overload passes while the token is still good; what is wrong with the request itself may be its token.
        let again: Plan = report.code == 429 || report.code >= 500 ? plan : .list(firstPage(request.version ?? ""))
        return retry(again, failure, at: now)
    }

    // MARK: Watches

    mutating func watchEnded(_ report: WatchReport, at now: ContinuousClock.Instant) -> Action {
        let from: String
        switch plan {
        case .watch(let version): from = version
        case .stream(let version):
            guard report.isListed else { return streamEnded(from: version, report.end, at: now) }
            hasListed = true
            from = version
        case .list, .probe: return resume()
        }
        let wasStream = if case .stream = plan { true } else { false }
        plan = .watch(from: report.version ?? from)
        if report.version != nil {
            failedWatches = 0
            silentWatches = 0
            silencePatience = 3
        }
        if case .failed(let failure) = report.end {
            if wasStream, report.events == 0, failure.isExpired {
                // Very large clusters may expire a stream as soon as it is complete (kubernetes #134837).
                countFailedStream()
            } else {
                failedStreams = 0
            }
            // Something between us and a server that works cuts connections: what is known must not get old by waits.
            if case .transport = failure, report.version != nil || report.lasted >= Self.shortest {
                plan = .probe(version: report.version ?? from)
                return .wait(backoff.brief(at: now), because: failure)
            }
            return watchFailed(report.version ?? from, failure, at: now)
        }
        return watchPassed(report, version: report.version ?? from, at: now)
    }

    /// A watch ended without an error.
    private mutating func watchPassed(
        _ report: WatchReport, version: String, at now: ContinuousClock.Instant
    ) -> Action {
        let brought = report.version != nil
        switch report.end {
        case .closed:
            guard report.lasted >= Self.shortest else {
                // Something between us and the server answers and hangs up; asking at once would be a busy loop.
                return watchAgain(from: version, .closedAtOnce, at: now)
            }
            failedWatches = 0
            return brought ? resume() : silence(from: version, at: now)
        case .silent:
            shortWatchesLeft = Self.shortWatchCount
            return brought ? resume() : silence(from: version, at: now)
        case .wentBack:
            plan = newestList
            return resumeUnlessRepeated(.transport("the API server went back in time"), at: now)
        case .givenUp, .notStreamed, .failed:
            return resume()
        }
    }

    private mutating func watchFailed(
        _ version: String, _ failure: RequestFailure, at now: ContinuousClock.Instant
    ) -> Action {
        switch failure {
        case .refused where failure.isExpired:
            plan = newestList
            return resumeUnlessRepeated(failure, at: now)
        case .malformed:
            // The same event would come again from the same version.
            return retry(newestList, failure, at: now)
        case .refused(let status) where status.code < 500 && ![401, 403, 404, 408, 429].contains(status.code):
            return retry(newestList, failure, at: now)
        case .refused, .transport, .closedAtOnce, .credentials:
            return watchAgain(from: version, failure, at: now)
        }
    }

    /// A streamed list has ended before it was whole.
    private mutating func streamEnded(
        from version: String, _ end: WatchEnd, at now: ContinuousClock.Instant
    ) -> Action {
        switch end {
        case .failed(let failure) where failure.isRefusedAsInvalid:
            streamsLists = false
        case .notStreamed, .silent:
            // A server that does not know the parameter sends the objects and never the mark behind them.
            streamsLists = false
        case .failed(let failure) where failure.isExpired:
            countFailedStream()
            plan = newestList
            return resumeUnlessRepeated(failure, at: now)
        case .failed(let failure) where !failure.isMalformed:
            return retry(.stream(from: version), failure, at: now)
        case .failed(let failure):
            countFailedStream()
            return retry(newestList, failure, at: now)
        case .closed, .givenUp, .wentBack:
            countFailedStream()
            return retry(newestList, .closedAtOnce, at: now)
        }
        plan = newestList
        return resume()
    }

    private mutating func countFailedStream() {
        failedStreams += 1
        if failedStreams >= Self.streamPatience { streamsLists = false }
    }

    private mutating func watchAgain(
        from version: String, _ failure: RequestFailure, at now: ContinuousClock.Instant
    ) -> Action {
        failedWatches += 1
        // A server that lists but does not let us watch from here may have forgotten this version without saying so.
        // Not so while it cannot be reached or is overloaded: a list costs it more than a watch.
        var doubtful = failedWatches >= 5
        switch failure {
        case .refused(let report) where report.code == 429 || report.retryAfter != nil: doubtful = false
        case .transport: doubtful = false
        default: break
        }
        if doubtful {
            failedWatches = 0
            return retry(newestList, failure, at: now)
        }
        // A connection that broke may be that of a server that is restored from a backup now.
        if case .transport = failure { return retry(.probe(version: version), failure, at: now) }
        return retry(.watch(from: version), failure, at: now)
    }

    /// A watch passed without a byte. A server that is behind our version, restored from a backup, looks like this.
    private mutating func silence(from version: String, at now: ContinuousClock.Instant) -> Action {
        silentWatches += 1
        guard silentWatches >= silencePatience else {
            plan = .probe(version: version)
            return resume()
        }
        silentWatches = 0
        // Doubled, so that a cluster where nothing happens and nothing is bookmarked is not listed every few minutes.
        silencePatience = min(silencePatience * 2, 48)
        plan = newestList
        return resume()
    }

    // MARK: Probes

    /// The server knows the version: it may be watched from.
    mutating func probed() -> Action {
        if case .probe(let version) = plan { plan = .watch(from: version) }
        return resume()
    }

    mutating func probeFailed(_ failure: RequestFailure, at now: ContinuousClock.Instant) -> Action {
        guard case .probe(let version) = plan else { return resume() }
        switch failure {
        case .refused where failure.isExpired:
            plan = newestList
            return resumeUnlessRepeated(.transport("the API server went back in time"), at: now)
        case .refused(let status) where status.code >= 500 || [401, 408, 429].contains(status.code):
            return retry(plan, failure, at: now)
        case .transport, .credentials:
            return retry(plan, failure, at: now)
        case .refused, .malformed, .closedAtOnce:
            // It is only a question: a server that does not answer it is watched all the same.
            plan = .watch(from: version)
            return resume()
        }
    }

    /// Seconds for the server to keep a watch: 5 to 10 minutes, spread so that replicas do not come back together.
    ///
    /// After a silence shorter than the watchdog: servers send a bookmark about two seconds before this time is over,
    /// so one that is quieter than the watchdog still moves our version on, and a dead stream is still found in time.
    private mutating func watchSeconds() -> Int {
        guard shortWatchesLeft > 0 else { return 300 + Int(backoff.random() * 300) }
        shortWatchesLeft -= 1
        return max(1, Int(watchdog.components.seconds) * 3 / 4)
    }

    private func firstPage(_ version: String) -> ListRequest { ListRequest(version: version, limit: pageSize) }

    /// Everything anew.
    private var newestList: Plan { streamsLists ? .stream(from: "") : .list(firstPage("")) }

    // MARK: Waiting

    /// Goes on at once the first time; when it fails again, as with a server that expires every watch, after a wait.
    private mutating func resumeUnlessRepeated(_ failure: RequestFailure, at now: ContinuousClock.Instant) -> Action {
        let isFirst = backoff.isRested(at: now)
        let wait = backoff.next(at: now)
        guard isFirst else { return .wait(wait, because: failure) }
        return hasListed ? .wait(Self.relistSpread * backoff.random(), because: nil) : resume()
    }

    private mutating func retry(_ next: Plan, _ failure: RequestFailure, at now: ContinuousClock.Instant) -> Action {
        plan = next
        var wait = backoff.next(at: now)
        switch failure {
        case .refused(let report):
            switch report.code {
            case 401: wait = min(wait, Self.longestCredentialsWait)
            case 403, 404: wait = max(wait, Self.slowRetry * (1 + backoff.random()))
            default: break
            }
            // The header counts from when the server wrote it; the jitter keeps replicas from returning together.
            if let asked = report.retryAfter { wait = max(wait, asked + .milliseconds(Int64(backoff.random() * 1000))) }
        case .credentials: wait = min(wait, Self.longestCredentialsWait)
        case .transport, .closedAtOnce, .malformed: break
        }
        return .wait(wait, because: failure)
    }
}
