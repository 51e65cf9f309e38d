package import ClusterModel
package import DNSWire
import KubernetesAPI
package import Snapshots
import Synchronization
package import Telemetry

/// Keeps a snapshot of the cluster in step with its API server; outlives reloads that leave its settings alone.
package final class ClusterFollowing: Sendable {
    package let published: Published<ClusterSnapshot>
    /// What changed with each snapshot.
    package let changed = ChangeFeed()
    package let state: FollowState
    private let cluster: FollowedCluster
    /// After which time without a list that is said.
    private let startupTimeout: Duration
    private let metrics: MetricRegistry
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let users = Atomic<Int>(1)
    private let writer: SnapshotWriter
    private let addressWarning = AddressWarning()
    /// Nil where nobody wants to know.
    package let clients: ClientPods?

    /// - Parameter localAddresses: of this host, for NS records.
    package init(
        _ cluster: FollowedCluster, startupTimeout: Duration, metrics: MetricRegistry, localAddresses: [IPAddress]
    ) {
        self.cluster = cluster
        self.startupTimeout = startupTimeout
        self.metrics = metrics
        clients = cluster.namesClients ? ClientPods() : nil
        state = FollowState(localAddresses: localAddresses, staleAfter: cluster.staleAfter)
        let file = cluster.snapshot.map { SnapshotFile(path: $0, fingerprint: cluster.fingerprint) }
        let index = ClusterIndex(options: cluster.model, seed: Self.seed)
        published = Published(index.makeSnapshot())
        writer = SnapshotWriter(
            index, cluster.kinds, published: published, changed: changed, state: state, metrics: metrics,
            file: file)
    }

    // Query names are chosen by anybody: which of them collide must not be known.
    private static let seed = UInt64.random(in: 1 ... .max)

    /// Returns once what was saved is answered from; the API server is followed in the background.
    package func start() async {
        await writer.restore(cluster.model)
        state.age.lastHeard.show(
            "coredns_kubernetes_data_age_seconds",
            "Seconds since the API server was last heard, of the kind not heard for longest; -1 before the first time.",
            in: metrics)
        let follow = Task { [self] in
            async let warning: Void = warnWhenLate()
            async let ageing: Void = state.age.watchLimit()
            await self.follow()
            await warning
            await ageing
        }
        task.withLock { $0 = follow }
    }

    private func warnWhenLate() async {
        do { try await Task.sleep(for: startupTimeout) } catch { return }
        if !state.isSynced || state.isRestored {
            Log.warning(
                "plugin/kubernetes: the API server was not listed within \(startupTimeout); until it is, "
                    + "cluster names are answered \(state.isRestored ? "as they were saved" : "SERVFAIL")")
        }
    }

    /// One more plugin uses this.
    package func keep() { users.wrappingAdd(1, ordering: .relaxed) }

    /// One plugin less; the last one ends the watches.
    package func release() async {
        guard users.wrappingSubtract(1, ordering: .relaxed).newValue == 0 else { return }
        task.withLock { $0 }?.cancel()
        await writer.saveNow()
    }

    private func follow() async {
        while !Task.isCancelled {
            do {
                let connection = try connect()
                let server = connection.endpoint.url
                let writer = writer
                let follower = ClusterFollower(connection: connection, options: options) { [self] kind, event in
                    observe(kind, event, of: server)
                }
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { [self] in
                        await follower.run { [self] changes in
                            addressWarning.look(at: changes)
                            clients?.apply(changes)
                            await writer.apply(changes)
                        }
                    }
                    group.addTask { [self] in await endpointIsOther(than: connection.endpoint) }
                    await group.next()
                    group.cancelAll()
                }
            } catch {
                // A missing or unreadable credential may appear: the file is looked at again.
                if state.failed(.namespace, "\(error)") { Log.error("plugin/kubernetes: \(error)") }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Returns when the kubeconfig names another API server or other credentials than before.
    private func endpointIsOther(than old: APIEndpoint) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: cluster.kubeconfig == nil ? .seconds(86400) : .seconds(5))
            // A file that is just being written says nothing.
            guard !Task.isCancelled, let new = try? cluster.apiEndpoint(), new != old else { continue }
            Log.info("plugin/kubernetes: the kubeconfig has changed; following \(new.url)")
            return
        }
    }

    private var options: FollowOptions {
        FollowOptions(
            kinds: cluster.kinds, labelSelector: cluster.labels, namespaceLabelSelector: cluster.namespaceLabels,
            podLabels: cluster.namesClients)
    }

    private func connect() throws -> APIConnection {
        let endpoint = try cluster.apiEndpoint()
        let requests = APIMetrics(metrics, of: endpoint)
        return try APIConnection(endpoint, pace: cluster.pace, onRequest: { requests.count($0) }) { problem in
            Log.warning("plugin/kubernetes: \(problem)")
        }
    }

    /// Tenths of a second are all that a person wants to know.
    private static func rounded(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }

    private func observe(_ kind: ObjectKind, _ event: ReflectorEvent, of server: String) {
        switch event {
        case .listed(let count):
            state.setForbidden(kind, false)
            if state.recovered(kind) { Log.info("plugin/kubernetes: \(kind.rawValue) are followed again") }
            Log.debug("plugin/kubernetes: listed \(count) \(kind.rawValue)")
        case .failed(let problem, let retryIn):
            if problem.isForbidden { state.setForbidden(kind, true) }
            guard state.failed(kind, problem.reason) else { return }
            let hint = problem.isForbidden ? "; grant list and watch on \(kind.rawValue) to this service account" : ""
            Log.warning(
                "plugin/kubernetes: cannot follow \(kind.rawValue) of \(server): \(problem.reason)\(hint); next try in "
                    + Self.rounded(retryIn))
        case .absent:
            // It has answered: what is known of the others is no older for that.
            state.age.heard(kind)
            guard state.failed(kind, "absent") else { return }
            Log.info("plugin/kubernetes: \(server) has no \(kind.rawValue) yet; they are looked for every minute")
        case .contact, .watching: state.age.heard(kind)
        case .requestFinished: break
        }
    }
}
