package import KubernetesAPI
internal import Synchronization
package import Telemetry

/// The whole autoscaler: scales as long as it leads, or all the time without an election.
package final class AutoscaleService: Sendable {
    private let settings: AutoscaleSettings
    private let endpoint: APIEndpoint
    private let identity: String
    private let clock: @Sendable () -> Double
    private let afterList: @Sendable () -> Void
    package let status: AutoscalerStatus
    /// Until when the lease allows acting.
    private let leadsUntil = Mutex<ContinuousClock.Instant?>(nil)
    /// What the election failed for last: it is said once.
    private let lastProblem = Mutex("")

    /// - Parameters:
    ///   - identity: of this process; unlike that of any other.
    ///   - clock: seconds since 1970.
    ///   - afterList: called when memory of a list is free again.
    package init(
        _ settings: AutoscaleSettings, endpoint: APIEndpoint, identity: String, metrics: MetricRegistry,
        clock: @escaping @Sendable () -> Double, afterList: @escaping @Sendable () -> Void
    ) {
        self.settings = settings
        self.endpoint = endpoint
        self.identity = identity
        self.clock = clock
        self.afterList = afterList
        status = AutoscalerStatus(metrics)
    }

    /// Runs until cancelled; then hands the lease over.
    ///
    /// - Returns: true when `--max-sync-failures` was reached.
    package func run() async throws(CredentialsError) -> Bool {
        let election = settings.isDryRun ? nil : settings.election
        guard let election else {
            status.set(.leading, true)
            let connection = try connect(APIConnection.Limits())
            let hasFailed = await session(connection).run()
            await connection.shutdown()
            return hasFailed
        }
        return try await lead(election)
    }

    private func connect(_ limits: APIConnection.Limits) throws(CredentialsError) -> APIConnection {
        try APIConnection(
            endpoint, userAgent: "cluster-dns-autoscaler", limits: limits,
            onProblem: { problem in Log.warning("autoscaler: \(problem)") })
    }

    private func session(_ connection: APIConnection) -> ScalingSession {
        let cluster = APICluster(
            connection: connection, namespace: settings.namespace, configMap: settings.configMap, identity: identity,
            clock: clock)
        let isElected = settings.election != nil && !settings.isDryRun
        let round = ScalingRound(settings, cluster: cluster, status: status) { [self] in
            isElected ? leadsUntil.withLock { $0 } ?? .now - .seconds(1) : nil
        }
        return ScalingSession(settings, connection: connection, round: round, afterList: afterList)
    }

    // MARK: Election

    private func lead(_ election: AutoscaleSettings.Election) async throws(CredentialsError) -> Bool {
        // A lease that is not renewed in time is lost: its requests must fail while there is time for another.
        var limits = APIConnection.Limits()
        limits.connect = election.timing.renewDeadline / 3
        limits.responseHead = election.timing.renewDeadline / 2
        limits.bodyIdle = election.timing.renewDeadline / 2
        let leasing = try connect(limits)
        let scaling = try connect(APIConnection.Limits())
        let lease = LeaseElection(
            store: LeaseRequests(connection: leasing, namespace: election.namespace, name: election.lease),
            identity: identity, timing: election.timing, clock: clock)
        let (changes, source) = AsyncStream<LeaseElection.Change>.makeStream()
        let hasFailed = await withTaskGroup(of: Bool?.self) { group in
            let work = LeadersWork { [self] in await session(scaling).run() }
            group.addTask {
                await lease.run(release: { await work.stop() }) { source.yield($0) }
                source.finish()
                return nil
            }
            group.addTask { [self] in
                for await change in changes { await follow(change, work) }
                return nil
            }
            group.addTask { await work.failure }
            var hasFailed = false
            for await ended in group {
                if ended == true { hasFailed = true }
                // The work ends by failing, the election by being cancelled; either way all is over.
                group.cancelAll()
                await work.stop()
            }
            return hasFailed
        }
        await leasing.shutdown()
        await scaling.shutdown()
        return hasFailed
    }

    private func follow(_ change: LeaseElection.Change, _ work: LeadersWork) async {
        switch change {
        case .leads(let until):
            leadsUntil.withLock { $0 = until }
            lastProblem.withLock { $0 = "" }
            status.leads(until: until)
            if await work.start() { Log.info("autoscaler: leads as \(identity)") }
        case .follows(let holder):
            leadsUntil.withLock { $0 = nil }
            status.leads(until: nil)
            if await work.stop() { Log.warning("autoscaler: leads no longer") }
            Log.info("autoscaler: \(holder.isEmpty ? "nobody leads" : "\(holder) leads")")
            afterList()
        case .failed(let problem):
            let text = problem.description
            let isNews = lastProblem.withLock { last in
                defer { last = text }
                return last != text
            }
            if isNews { Log.error("autoscaler: \(text)") }
        }
    }
}

/// What only the leader does: started and stopped as the lease comes and goes.
private actor LeadersWork {
    private let work: @Sendable () async -> Bool
    private var task: Task<Void, Never>?
    private let outcomes: AsyncStream<Void>
    private let outcome: AsyncStream<Void>.Continuation

    init(_ work: @escaping @Sendable () async -> Bool) {
        self.work = work
        (outcomes, outcome) = AsyncStream<Void>.makeStream()
    }

    /// - Returns: false when it runs already.
    func start() -> Bool {
        guard task == nil else { return false }
        let (work, outcome) = (work, outcome)
        task = Task { if await work() { outcome.yield() } }
        return true
    }

    /// Returns when it has ended.
    ///
    /// - Returns: false when it was not running.
    @discardableResult
    func stop() async -> Bool {
        guard let running = task else { return false }
        running.cancel()
        await running.value
        task = nil
        return true
    }

    /// True when the work gives up; nil when cancelled.
    nonisolated var failure: Bool? {
        get async {
            for await _ in outcomes { return true }
            return nil
        }
    }
}
