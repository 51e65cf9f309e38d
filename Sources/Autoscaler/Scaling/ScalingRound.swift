import Flags
package import KubernetesAPI
internal import Telemetry

/// What is known of the cluster and what follows from it: looks at the parameters and the nodes, decides, and scales.
package actor ScalingRound {
    private let settings: AutoscaleSettings
    private let cluster: any ScaledCluster
    private let status: AutoscalerStatus
    /// Until when this process may change anything; nil is without end.
    private let mayActUntil: @Sendable () -> ContinuousClock.Instant?

    private var nodes = FollowedNodes()
    private var followedMap = FollowedConfigMap()
    private var parameters = ParameterState()
    private var steadying: [ScaleTarget: Steadying] = [:]
    private var load: LoadMeter?
    private var loadFloor: LoadFloor?
    private var told: Set<String> = []
    /// What a dry run has said last of each target.
    private var dryRuns: [ScaleTarget: String] = [:]

    package init(
        _ settings: AutoscaleSettings, cluster: any ScaledCluster, status: AutoscalerStatus,
        at now: ContinuousClock.Instant = .now,
        mayActUntil: @escaping @Sendable () -> ContinuousClock.Instant? = { nil }
    ) {
        self.settings = settings
        self.cluster = cluster
        self.status = status
        self.mayActUntil = mayActUntil
        load = settings.load.map(LoadMeter.init)
        for target in settings.targets { steadying[target] = Steadying(delay: settings.scaleDownDelay, at: now) }
        status.set(.nodesKnown, false)
        status.set(.parametersValid, false)
    }

    // MARK: What the watches bring

    /// - Returns: whether what a decision depends on has changed.
    package func take(_ changes: [ReflectedChange<ObservedNode>]) -> Bool {
        let hasChanged = nodes.take(changes)
        if nodes.isKnown {
            status.saw(nodes.size)
            status.set(.nodesKnown, true)
        }
        return hasChanged
    }

    /// - Returns: whether what a decision depends on has changed.
    package func take(_ changes: [ReflectedChange<ObservedConfigMap>]) -> Bool { followedMap.take(changes) }

    /// The nodes cannot be followed at present.
    package func nodesFailed(_ problem: RequestProblem) {
        nodes.failed(problem)
        tell("\(problem)")
    }

    /// The ConfigMap's watch is up.
    package func configMapWatched() { followedMap.watched() }

    /// The ConfigMap cannot be followed at present: it is read anew in each round.
    package func configMapFailed(_ problem: RequestProblem) {
        followedMap.failed()
        tell("\(problem); the ConfigMap is read every \(settings.pollPeriod.components.seconds) s instead")
    }

    /// The first list of nodes is under way: a round would only say that they are not known.
    package var isWaitingForNodes: Bool { !nodes.isKnown && nodes.problem == nil }

    // MARK: A round

    /// How a round went.
    package struct Outcome: Equatable, Sendable {
        /// Some target was changed, or would have been.
        package var hasScaled = false
        /// What went wrong; empty when all is well.
        package var errors: [String] = []
    }

    /// Decides once and scales every target that needs it.
    package func run(at now: ContinuousClock.Instant) async -> Outcome {
        var outcome = Outcome()
        do throws(RoundFailure) {
            let rule = try await currentParameters()
            guard nodes.isKnown else {
                throw RoundFailure(nodes.problem?.description ?? "the nodes have not been listed yet")
            }
            let decision = rule.decide(
                nodes.size, Floors(atLeastZones: settings.atLeastZones, load: loadFloor))
            status.decided(decision.replicas)
            Log.debug("autoscaler: \(summary(decision))")
            for target in settings.targets { await scale(target, decision, at: now, &outcome) }
        } catch {
            outcome.errors.append(error.text)
        }
        // A round that was cut off says nothing about the cluster.
        guard !Task.isCancelled else { return outcome }
        status.polled(outcome.errors.isEmpty ? nil : outcome.errors.joined(separator: "; "))
        if outcome.errors.isEmpty { told = [] }
        for error in outcome.errors { tell(error) }
        return outcome
    }

    private struct RoundFailure: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// Logs an error once, until a round has gone well.
    private func tell(_ error: String) {
        if told.insert(error).inserted { Log.error("autoscaler: \(error)") }
    }

    private func summary(_ decision: Decision) -> String {
        let size = nodes.size
        return "\(size.total.nodes) nodes, \(size.schedulable.nodes) schedulable; \(size.total.cores) cores, "
            + "\(size.schedulable.cores) schedulable: \(decision.replicas) replicas"
    }

    // MARK: Parameters

    private func currentParameters() async throws(RoundFailure) -> ScalingParameters {
        let map: ObservedConfigMap?
        do throws(RequestProblem) {
            map = followedMap.isCurrent ? followedMap.map : try await cluster.configMap()
        } catch {
            throw RoundFailure(error.description)
        }
        guard let map else { return try await createDefaults() }
        switch parameters.take(map) {
        case .none: break
        case .adopted(let old, let new):
            Log.info("autoscaler: parameters of version \(new) in force" + (old.map { " in place of \($0)" } ?? ""))
        case .restored(let version):
            Log.info("autoscaler: parameters are sound again, version \(version)")
            await note(.normal, "ParametersRestored", "The scaling parameters are in force again.", uid: map.uid)
        case .broken(let error):
            let kept =
                parameters.good == nil
                ? "nothing is scaled until it is corrected" : "the last good parameters stay in force"
            Log.error("autoscaler: ConfigMap \(settings.configMap): \(error); \(kept)")
            await note(.warning, "InvalidParameters", "\(error); \(kept).", uid: map.uid)
        }
        status.set(.parametersValid, parameters.fault == nil)
        guard let good = parameters.good else {
            throw RoundFailure("ConfigMap \(settings.configMap): \(parameters.fault?.description ?? "not read yet")")
        }
        return good
    }

    private func createDefaults() async throws(RoundFailure) -> ScalingParameters {
        parameters.forget()
        status.set(.parametersValid, false)
        let place = "ConfigMap \(settings.configMap) in namespace \(settings.namespace)"
        guard let defaults = settings.defaultParameters else {
            throw RoundFailure("\(place) does not exist; create it, or give --default-params")
        }
        let rule: ScalingParameters
        do throws(ParameterError) {
            rule = try ScalingParameters(data: defaults.data)
        } catch {
            throw RoundFailure("--default-params: \(error)")
        }
        guard mayAct, !settings.isDryRun else { return rule }
        do throws(RequestProblem) {
            try await cluster.createConfigMap(defaults.data)
            Log.info("autoscaler: created \(place) with the default parameters")
        } catch {
            throw RoundFailure(error.description)
        }
        return rule
    }

    private func note(_ severity: EventReport.Severity, _ reason: String, _ message: String, uid: String) async {
        guard !settings.isDryRun, mayAct else { return }
        do throws(RequestProblem) {
            try await cluster.reportParameters(severity, reason, message, uid: uid)
        } catch {
            tell("\(error)")
        }
    }

    // MARK: Targets

    private var mayAct: Bool { !Task.isCancelled && (mayActUntil().map { .now < $0 } ?? true) }

    private func scale(
        _ target: ScaleTarget, _ decision: Decision, at now: ContinuousClock.Instant, _ outcome: inout Outcome
    ) async {
        do throws(RequestProblem) {
            let scale = try await cluster.scale(of: target)
            status.has(target, scale.replicas)
            if target == settings.targets.first { await measure(scale, at: now) }
            let settled =
                steadying[target]?.settle(decision.replicas, current: scale.replicas, at: now)
                ?? decision.replicas
            guard settled != scale.replicas else { return }
            let change = "\(target) from \(scale.replicas) to \(settled) replicas: \(reason(decision, settled))"
            outcome.hasScaled = true
            guard !settings.isDryRun else {
                if dryRuns.updateValue(change, forKey: target) != change {
                    Log.info("autoscaler: dry run: would scale \(change)")
                }
                return
            }
            guard mayAct else { return }
            try await cluster.set(settled, of: target, readAs: scale)
            if settled < scale.replicas { steadying[target]?.lowered(at: now) }
            status.scaled(target, from: scale.replicas, to: settled)
            Log.info("autoscaler: \(summary(decision))")
            Log.info("autoscaler: scaled \(change)")
            await announce(
                target, "Scaled from \(scale.replicas) to \(settled) replicas: \(reason(decision, settled)).")
        } catch {
            if error.isConflict { status.conflicted() }
            outcome.errors.append(error.description)
        }
    }

    private func reason(_ decision: Decision, _ settled: Int) -> String {
        let because = decision.steps.last?.because ?? ""
        let parts = decision.steps.dropLast().map { "\($0.because) -> \($0.replicas)" } + [because]
        let held = settled == decision.replicas ? "" : "; \(decision.replicas) wanted, held by --scale-down-delay"
        return parts.joined(separator: "; ") + held
    }

    /// An Event is a courtesy: a poll does not fail for it.
    private func announce(_ target: ScaleTarget, _ message: String) async {
        do throws(RequestProblem) {
            try await cluster.report(.normal, "Scaled", message, about: target)
        } catch {
            tell("\(error)")
        }
    }

    /// Measures the load of the target's pods, for the next decision.
    private func measure(_ scale: ObservedScale, at now: ContinuousClock.Instant) async {
        guard let port = settings.load?.port, !scale.selector.isEmpty else { return }
        do throws(RequestProblem) {
            let (samples, pods) = try await cluster.samples(selector: scale.selector, port: port)
            loadFloor = load?.take(samples, pods: pods, current: scale.replicas, at: now)
        } catch {
            tell("\(error); the load is not looked at")
            loadFloor = nil
        }
    }
}
