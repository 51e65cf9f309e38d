import ClusterModel
import DNSWire
import EventLoop
import KubernetesAPI
import Snapshots
import Synchronization
import Telemetry

/// Keeps a snapshot of the cluster in step with its API server; outlives reloads that leave its settings alone.
final class ClusterFollowing: Sendable {
    let published: Published<ClusterSnapshot>
    let state: FollowState
    private let settings: KubernetesSettings
    private let metrics: MetricRegistry
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let users = Atomic<Int>(1)

    init(_ settings: KubernetesSettings, metrics: MetricRegistry, localAddresses: [IPAddress]) {
        self.settings = settings
        self.metrics = metrics
        state = FollowState(localAddresses: localAddresses)
        let index = ClusterIndex(options: settings.model, seed: Self.seed)
        published = Published(index.makeSnapshot())
    }

    // Query names are chosen by anybody: which of them collide must not be known.
    private static let seed = UInt64.random(in: 1 ... .max)

    func start() {
        let state = state
        metrics.reading(
            "coredns_kubernetes_data_age_seconds", "Seconds since the API server was last heard; -1 before the first time."
        ) { state.secondsSinceContact ?? -1 }
        let follow = Task { [self] in
            async let warning: Void = warnWhenLate()
            await self.follow()
            await warning
        }
        task.withLock { $0 = follow }
    }

    private func warnWhenLate() async {
        do { try await Task.sleep(for: settings.startupTimeout) } catch { return }
        if !state.isSynced {
            Log.warning(
                "plugin/kubernetes: the API server was not listed within \(settings.startupTimeout); "
                    + "cluster names are answered SERVFAIL until it is")
        }
    }

    /// One more plugin uses this.
    func keep() { users.wrappingAdd(1, ordering: .relaxed) }

    /// One plugin less; the last one ends the watches.
    func release() {
        if users.wrappingSubtract(1, ordering: .relaxed).newValue == 0 { task.withLock { $0 }?.cancel() }
    }

    private func follow() async {
        while !Task.isCancelled {
            do {
                let connection = try connect()
                let server = connection.endpoint.url
                let writer = SnapshotWriter(
                    settings, published: published, state: state, metrics: metrics, seed: Self.seed)
                let follower = ClusterFollower(connection: connection, options: options) { [self] in observe($0, of: server) }
                await follower.run { changes in await writer.apply(changes) }
            } catch {
                // A missing or unreadable credential may appear: the file is looked at again.
                if state.failed(.namespace, "\(error)") { Log.error("plugin/kubernetes: \(error)") }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private var options: FollowOptions {
        FollowOptions(
            kinds: settings.kinds, labelSelector: settings.labels, namespaceLabelSelector: settings.namespaceLabels)
    }

    private func connect() throws -> APIConnection {
        try APIConnection(try settings.apiEndpoint()) { problem in
            Log.warning("plugin/kubernetes: \(problem)")
        }
    }

    /// Tenths of a second are all that a person wants to know.
    private static func rounded(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }

    private func observe(_ event: FollowEvent, of server: String) {
        switch event {
        case .listed(let kind, let count):
            if state.recovered(kind) { Log.info("plugin/kubernetes: \(kind.rawValue) are followed again") }
            Log.debug("plugin/kubernetes: listed \(count) \(kind.rawValue)")
        case .failed(let kind, let reason, let retryIn, let forbidden):
            guard state.failed(kind, reason) else { return }
            let hint = forbidden ? "; grant list and watch on \(kind.rawValue) to this service account" : ""
            Log.warning("plugin/kubernetes: cannot follow \(kind.rawValue) of \(server): \(reason)\(hint); next try in \(Self.rounded(retryIn))")
        case .contact, .watching:
            state.heard()
        default: break
        }
    }
}

/// The one writer of the cluster's index: applies changes and publishes what they made of the snapshot.
private actor SnapshotWriter {
    private let index: ClusterIndex
    private let published: Published<ClusterSnapshot>
    private let state: FollowState
    private let kinds: Set<ObjectKind>
    private let latencies: [Bool: Histogram]

    init(
        _ settings: KubernetesSettings, published: Published<ClusterSnapshot>, state: FollowState,
        metrics: MetricRegistry, seed: UInt64
    ) {
        index = ClusterIndex(options: settings.model, seed: seed)
        self.published = published
        self.state = state
        kinds = settings.kinds
        var latencies: [Bool: Histogram] = [:]
        for (isHeadless, kind) in [(true, "headless_with_selector"), (false, "cluster_ip")] {
            latencies[isHeadless] = metrics.histogram(
                "coredns_kubernetes_dns_programming_duration_seconds",
                "Histogram of the time (in seconds) it took to program a dns instance.", [("service_kind", kind)],
                bounds: (0..<20).map { 0.001 * Double(1 << $0) }, unitsPerOne: 1e9)
        }
        self.latencies = latencies
    }

    func apply(_ changes: [ObjectChange]) {
        let now = WallClock.secondsSince1970
        // A clock that is set to another century must not end the process: serials wrap (RFC 1982).
        index.apply(changes, now: UInt32(truncatingIfNeeded: Int64(now)))
        // Until the first list is whole nothing is answered from it, so nothing need be built.
        guard kinds.isSubset(of: index.listedKinds) else { return }
        if index.hasChanges || !state.isSynced {
            published.publish(index.makeSnapshot())
            state.markSynced()
        }
        if changes.contains(where: { if case .relistFinished = $0 { true } else { false } }) { Heap.giveBack() }
        for latency in index.drainProgrammingTriggers() {
            let seconds = now - latency.trigger
            guard seconds.isFinite, seconds >= 0 else { continue }
            latencies[latency.isHeadless]?.observe(UInt64(min(seconds, 1e9) * 1e9))
        }
    }
}
