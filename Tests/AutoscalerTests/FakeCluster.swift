import Flags
import Synchronization
import Telemetry
import Testing

@testable import Autoscaler
@testable import KubernetesAPI

/// A cluster with one ConfigMap and targets, in memory, that fails as a test wants.
final class FakeCluster: ScaledCluster {
    struct State {
        var map: ObservedConfigMap?
        var replicas: [String: Int] = ["deployment/dns": 0]
        /// Replicas asked for, in order.
        var set: [Int] = []
        /// `Reason: message` of each Event.
        var events: [String] = []
        var created: [[String: String]] = []
        /// Codes of requests that are refused, by `verb resource`.
        var refused: [String: Int] = [:]
        var samples: [String: LoadSample] = [:]
        private var version = 0

        mutating func write(_ data: [String: String]) {
            version += 1
            map = ObservedConfigMap(data: data, version: "\(version)")
        }
    }

    let state = Mutex(State())

    private func check(_ verb: String, _ resource: String) throws(RequestProblem) {
        if let code = state.withLock({ $0.refused["\(verb) \(resource)"] }) {
            throw RequestProblem(verb: verb, resource: resource, cause: .refused(StatusReport(code: code)))
        }
    }

    func configMap() async throws(RequestProblem) -> ObservedConfigMap? {
        try check("get", "configmaps")
        return state.withLock { $0.map }
    }

    func createConfigMap(_ data: [String: String]) async throws(RequestProblem) {
        try check("create", "configmaps")
        state.withLock { state in
            state.created.append(data)
            state.write(data)
        }
    }

    func scale(of target: ScaleTarget) async throws(RequestProblem) -> ObservedScale {
        try check("get", target.description)
        return ObservedScale(replicas: state.withLock { $0.replicas[target.description] ?? 0 }, selector: "app=dns")
    }

    func set(_ replicas: Int, of target: ScaleTarget, readAs scale: ObservedScale) async throws(RequestProblem) {
        try check("update", target.description)
        state.withLock { state in
            state.set.append(replicas)
            state.replicas[target.description] = replicas
        }
    }

    func report(
        _ severity: EventReport.Severity, _ reason: String, _ message: String, about target: ScaleTarget
    ) async throws(RequestProblem) {
        try check("create", "events")
        state.withLock { $0.events.append("\(reason): \(message)") }
    }

    func reportParameters(
        _ severity: EventReport.Severity, _ reason: String, _ message: String, uid: String
    ) async throws(RequestProblem) {
        try check("create", "events")
        state.withLock { $0.events.append("\(reason): \(message)") }
    }

    func samples(
        selector: String, port: Int
    ) async throws(RequestProblem) -> (samples: [String: LoadSample], pods: Int) {
        let samples = state.withLock { $0.samples }
        return (samples, samples.count)
    }
}

/// A scaling round over a fake cluster, at a clock that the test moves.
struct RoundBench {
    let cluster = FakeCluster()
    let metrics = MetricRegistry()
    let status: AutoscalerStatus
    let round: ScalingRound
    let start = ContinuousClock.now

    init(_ arguments: [String] = [], mayActUntil: @escaping @Sendable () -> ContinuousClock.Instant? = { nil }) throws {
        var flags = FlagParser(AutoscaleFlags.all)
        try flags.parse(["--target=deployment/dns", "--configmap=params", "--namespace=test"] + arguments)
        status = AutoscalerStatus(metrics)
        round = ScalingRound(
            try AutoscaleSettings(flags, podNamespace: nil), cluster: cluster, status: status, at: start,
            mayActUntil: mayActUntil)
    }

    /// Lists nodes that share `cores` evenly; whole cores only.
    func list(nodes: Int, cores: Int, zones: Int = 0) async {
        var changes: [ReflectedChange<ObservedNode>] = [.listStarted]
        for index in 0..<nodes {
            let share = cores / nodes + (index < cores % nodes ? 1 : 0)
            changes.append(
                .stored(
                    ObservedNode(
                        name: "node-\(index)", cpu: "\(share)", isCordoned: false, isReady: true,
                        zone: zones > 0 ? "zone-\(index % zones)" : "")))
        }
        _ = await round.take(changes + [.listFinished])
    }

    /// One round, `seconds` after the start; the replicas of the first target after it.
    @discardableResult
    func run(after seconds: Int = 0) async -> ScalingRound.Outcome {
        await round.run(at: start + .seconds(seconds))
    }

    var replicas: Int { cluster.state.withLock { $0.replicas["deployment/dns"] ?? -1 } }

    func write(_ data: [String: String]) { cluster.state.withLock { $0.write(data) } }

    func condition(_ type: String) -> Bool {
        metrics.text.contains("cluster_dns_autoscaler_condition{type=\"\(type)\"} 1\n")
    }
}
