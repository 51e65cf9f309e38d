package import KubernetesAPI
internal import Telemetry

/// Scales for as long as it runs: follows nodes and parameters, and holds a round when they change and in each period.
package struct ScalingSession: Sendable {
    /// Changes that come together are one reason for a round.
    static let gathering = Duration.milliseconds(200)
    /// Between two rounds, whatever changes.
    static let shortest = Duration.seconds(1)

    private let settings: AutoscaleSettings
    private let connection: APIConnection
    private let round: ScalingRound
    private let afterList: @Sendable () -> Void

    /// - Parameter afterList: called when a list is done, which took memory that is free again.
    package init(
        _ settings: AutoscaleSettings, connection: APIConnection, round: ScalingRound,
        afterList: @escaping @Sendable () -> Void
    ) {
        self.settings = settings
        self.connection = connection
        self.round = round
        self.afterList = afterList
    }

    /// Runs until cancelled, or until `--max-sync-failures` is reached.
    ///
    /// - Returns: true when it was reached.
    package func run() async -> Bool {
        let (changes, change) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask { [self] in
                await followNodes { change.yield() }
                return false
            }
            group.addTask { [self] in
                await followConfigMap { change.yield() }
                return false
            }
            group.addTask { [self] in
                await hold(changes, change)
            }
            var hasFailed = false
            for await failed in group where failed {
                hasFailed = true
                group.cancelAll()
            }
            return hasFailed
        }
    }

    private func followNodes(_ changed: @escaping @Sendable () -> Void) async {
        let (round, afterList) = (round, afterList)
        await Reflector.nodes(connection, labels: settings.nodeLabels).run { batch in
            if await round.take(batch) { changed() }
            if case .listFinished? = batch.last { afterList() }
        } observe: { event in
            guard case .failed(let problem, _) = event else { return }
            Task { await round.nodesFailed(problem) }
        }
    }

    private func followConfigMap(_ changed: @escaping @Sendable () -> Void) async {
        let round = round
        await Reflector.configMap(connection, namespace: settings.namespace, name: settings.configMap)
            .run { batch in
                if await round.take(batch) { changed() }
            } observe: { event in
                switch event {
                case .watching: Task { await round.configMapWatched() }
                case .failed(let problem, _): Task { await round.configMapFailed(problem) }
                case .listed, .absent, .requestFinished, .contact: break
                }
            }
    }

    // MARK: Rounds

    /// - Returns: true when too many rounds failed one after the other.
    private func hold(_ changes: AsyncStream<Void>, _ change: AsyncStream<Void>.Continuation) async -> Bool {
        var failures = 0
        var earliest = ContinuousClock.now
        // The first lists come within moments; a round before them would only say that nothing is known yet.
        let latest = ContinuousClock.now + settings.pollPeriod
        repeat {
            await wait(for: changes, change)
        } while await round.isWaitingForNodes
            && .now < latest && !Task.isCancelled
        while !Task.isCancelled {
            try? await Task.sleep(until: max(.now + Self.gathering, earliest), clock: .continuous)
            guard !Task.isCancelled else { break }
            let outcome = await round.run(at: .now)
            guard !Task.isCancelled else { break }
            failures = outcome.errors.isEmpty ? 0 : failures + 1
            if settings.maxSyncFailures > 0, failures >= settings.maxSyncFailures {
                Log.error("autoscaler: \(failures) polls have failed one after the other")
                return true
            }
            // The period also limits how often a target changes.
            let isBusy = outcome.hasScaled || !outcome.errors.isEmpty
            earliest = .now + (isBusy ? settings.pollPeriod : Self.shortest)
            await wait(for: changes, change)
        }
        return false
    }

    /// Returns when something has changed, or when the period is over.
    private func wait(for changes: AsyncStream<Void>, _ change: AsyncStream<Void>.Continuation) async {
        let period = settings.pollPeriod
        // A change of its own, since a stream whose reader is cancelled ends.
        let timer = Task { if (try? await Task.sleep(for: period)) != nil { change.yield() } }
        var iterator = changes.makeAsyncIterator()
        await iterator.next()
        timer.cancel()
    }
}
