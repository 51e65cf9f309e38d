internal import Synchronization
package import Telemetry

/// What the autoscaler tells about itself: metrics, health, readiness and the last poll; written by it, read by pages.
package final class AutoscalerStatus: Sendable {
    /// Conditions of metric `cluster_dns_autoscaler_condition`.
    package enum Condition: String, CaseIterable, Sendable {
        case parametersValid = "ParametersValid"
        case nodesKnown = "NodesKnown"
        case leading = "Leading"
        case lastPollSucceeded = "LastPollSucceeded"
    }

    private struct State {
        var lastError: String?
        var isStarted = false
        /// Until when the lease allows acting; nil without a lease.
        var leadsUntil: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let metrics: MetricRegistry
    private let conditions: [Condition: Gauge]
    private let polls: (ok: Counter, failed: Counter)
    private let conflicts: Counter
    private let wanted: Gauge
    private let sizes: [String: Gauge]
    private let targets = Mutex<[String: (current: Gauge, raised: Counter, lowered: Counter)]>([:])

    package init(_ metrics: MetricRegistry) {
        self.metrics = metrics
        let prefix = "cluster_dns_autoscaler_"
        conditions = Dictionary(
            Condition.allCases.map { condition in
                let help = "1 while the condition holds."
                return (condition, metrics.gauge(prefix + "condition", help, [("type", condition.rawValue)]))
            }, uniquingKeysWith: { first, _ in first })
        func polled(_ result: String) -> Counter {
            metrics.counter(prefix + "polls_total", "Polls by how they ended.", [("result", result)])
        }
        polls = (polled("ok"), polled("failed"))
        conflicts = metrics.counter(
            prefix + "conflicts_total", "Changes of a scale that came too late because somebody else had changed it.")
        wanted = metrics.gauge(prefix + "wanted_replicas", "Replicas that the parameters ask for.")
        var sizes: [String: Gauge] = [:]
        for state in ["total", "schedulable"] {
            for (unit, help) in [
                ("nodes", "Nodes of the cluster."), ("cores", "Allocatable cores of the cluster's nodes, rounded up."),
                ("zones", "Zones that have nodes."),
            ] {
                sizes["\(unit) \(state)"] = metrics.gauge(prefix + unit, help, [("state", state)])
            }
        }
        self.sizes = sizes
    }

    // MARK: Writing

    package func set(_ condition: Condition, _ holds: Bool) { conditions[condition]?.set(holds ? 1 : 0) }

    func saw(_ size: ClusterSize) {
        for (state, share) in [("total", size.total), ("schedulable", size.schedulable)] {
            sizes["nodes \(state)"]?.set(Double(share.nodes))
            sizes["cores \(state)"]?.set(Double(share.cores))
            sizes["zones \(state)"]?.set(Double(share.zones))
        }
    }

    func decided(_ replicas: Int) { wanted.set(Double(replicas)) }

    func has(_ target: ScaleTarget, _ replicas: Int) { gauges(of: target).current.set(Double(replicas)) }

    func scaled(_ target: ScaleTarget, from old: Int, to new: Int) {
        let gauges = gauges(of: target)
        (new > old ? gauges.raised : gauges.lowered).add()
        gauges.current.set(Double(new))
    }

    func conflicted() { conflicts.add() }

    /// - Parameter error: nil when the poll succeeded.
    func polled(_ error: String?) {
        (error == nil ? polls.ok : polls.failed).add()
        set(.lastPollSucceeded, error == nil)
        state.withLock { state in
            state.lastError = error
            if error == nil { state.isStarted = true }
        }
    }

    /// The lease was taken or renewed, or, when nil, is somebody else's.
    func leads(until: ContinuousClock.Instant?) {
        set(.leading, until != nil)
        state.withLock { state in
            state.leadsUntil = until
            // A follower is as ready as it gets once it knows that another leads.
            if until == nil { (state.isStarted, state.lastError) = (true, nil) }
        }
    }

    private func gauges(of target: ScaleTarget) -> (current: Gauge, raised: Counter, lowered: Counter) {
        targets.withLock { targets in
            if let known = targets[target.description] { return known }
            let label = [("target", target.description)]
            func changes(_ direction: String) -> Counter {
                metrics.counter(
                    "cluster_dns_autoscaler_scale_changes_total", "Changes of a target's replicas.",
                    label + [("direction", direction)])
            }
            let made = (
                current: metrics.gauge("cluster_dns_autoscaler_replicas", "Replicas that a target has.", label),
                raised: changes("up"), lowered: changes("down")
            )
            targets[target.description] = made
            return made
        }
    }

    // MARK: Reading

    /// The error of the last poll; nil when it succeeded or none has ended yet.
    package var lastError: String? { state.withLock { $0.lastError } }

    /// A poll has succeeded, or another leads.
    package var isReady: Bool { state.withLock { $0.isStarted } }

    /// False while this process believes to lead by a lease that ran out long ago: it is stuck.
    package func isHealthy(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { $0.leadsUntil.map { now < $0 + .seconds(20) } ?? true }
    }
}
