import Foundation
import Hummingbird
import HummingbirdHTTP2
import Logging
import NIOCore
import Synchronization
package import Text

/// The embedded cluster: an API server in this process, its control plane, its manifests and its credentials.
package final class Lab: Sendable {
    package let configuration: LabConfiguration
    package let kubeconfigPath: String
    /// The objects, for tests that look behind the API.
    package let cluster: Cluster
    private let authority: CertificateAuthority
    private let behaviour: ServerBehaviour
    private let tokens: ServiceAccountTokens
    private let logger: Logger
    private let follower: ManifestFollower
    private let running = Mutex(Running())

    /// What runs between `start` and `stop`.
    private struct Running {
        var tasks: [Task<Void, Never>] = []
        var port = 0
        var problems: [ManifestProblem] = []
        /// The version that the state file holds.
        var savedVersion: UInt64?
    }

    package init(configuration: LabConfiguration) throws {
        self.configuration = configuration
        var logger = Logger(label: "lab")
        logger.logLevel = .notice
        self.logger = logger
        let unique = ServerBehaviour.makeToken().prefix(12)
        kubeconfigPath =
            configuration.kubeconfigPath
            ?? FileManager.default.temporaryDirectory.appendingPathComponent("cluster-dns-lab-\(unique).kubeconfig")
            .path
        var state = ClusterState(isManaged: !configuration.asStored, historyLimit: configuration.historyLimit)
        state.shutdownSeconds = configuration.podShutdownSeconds
        cluster = Cluster(state)
        behaviour = ServerBehaviour(token: ServerBehaviour.makeToken())
        var hosts = ["127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        if !hosts.contains(configuration.listenHost) { hosts.append(configuration.listenHost) }
        authority = try CertificateAuthority(hosts: hosts)
        tokens = try ServiceAccountTokens()
        follower = ManifestFollower(
            paths: configuration.manifests, asStored: configuration.asStored, cluster: cluster, logger: logger)
    }

    /// The port that is served; 0 before `start`.
    package var port: Int {
        get async { running.withLock { $0.port } }
    }

    /// What was wrong in the manifests at the start.
    package var problems: [ManifestProblem] { running.withLock { $0.problems } }

    package var token: String { behaviour.token }
    package var authorityPEM: String { authority.certificatePEM }

    /// The administrator's certificate and key as PEM.
    package var clientCertificate: (certificatePEM: String, keyPEM: String) {
        (authority.administrator.certificatePEM, authority.administrator.keyPEM)
    }

    // MARK: Running

    /// Returns when the API is served and the kubeconfig is written.
    package func start() async throws {
        let problems = try fill()
        follower.report(problems)
        let (port, server) = try await serve()
        try writeKubeconfig(port: port)
        running.withLock { $0.port = port }
        setFaults(configuration.faults)
        let (cluster, follower, configuration) = (cluster, follower, configuration)
        var tasks = [server]
        tasks.append(
            Task.detached {
                // Wakes the watches so that they see their deadlines.
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(250))
                    Self.passTime(on: cluster)
                }
            })
        if let path = configuration.stateFile {
            tasks.append(Task.detached { await self.keepSaving(StateFile(path: path)) })
        }
        if !configuration.manifests.isEmpty { tasks.append(Task.detached { await follower.follow() }) }
        if configuration.churn > 0 {
            tasks.append(
                Task.detached {
                    await Churn.run(
                        perSecond: configuration.churn, seed: configuration.generate?.seed ?? 1, on: cluster)
                })
        }
        let all = tasks
        running.withLock { running in
            running.tasks = all
            running.problems = problems
        }
    }

    /// What happens by itself as time goes on: pods stop, clients that take nothing lose their watches.
    private static func passTime(on cluster: Cluster) {
        let now = Date().timeIntervalSince1970
        if cluster.read({ !$0.stopping.isEmpty }) { cluster.update { $0.removeStopped(now: now) } }
        cluster.cutLaggards(now: now)
        cluster.wake()
    }

    /// The objects at the start: the standard ones, what was kept, what manifests say, what is generated.
    private func fill() throws -> [ManifestProblem] {
        let kept = try configuration.stateFile.flatMap { try StateFile(path: $0).read() }
        if let kept { cluster.update { $0.restore(kept) } }
        cluster.update { $0.createStandardObjects() }
        // Generated first: manifests on top of it find its nodes. What is kept was generated before.
        if let options = configuration.generate, kept == nil {
            try cluster.update { try ClusterGenerator.fill(&$0, options) }
        }
        return try follower.load()
    }

    private func serve() async throws -> (port: Int, server: Task<Void, Never>) {
        let (bound, signal) = AsyncThrowingStream.makeStream(of: Int.self)
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            responder: APIResponder(
                cluster: cluster, behaviour: behaviour, tokens: tokens,
                faultHandler: FaultHandler(
                    faults: { self.behaviour.faults }, setFaults: { self.setFaults($0) }), logger: logger),
            server: try .http2Upgrade(tlsConfiguration: authority.serverTLS(), configuration: .init()),
            configuration: .init(address: .hostname(configuration.listenHost, port: configuration.listenPort)),
            onServerRunning: { channel in signal.yield(channel.localAddress?.port ?? 0) },
            logger: quiet)
        let server = Task.detached {
            do {
                try await application.run()
                signal.finish(throwing: LabError.notServing("the server ended"))
            } catch {
                signal.finish(throwing: LabError.notServing("\(error)"))
            }
        }
        for try await port in bound { return (port, server) }
        throw LabError.notServing("the server ended before it was bound")
    }

    private func writeKubeconfig(port: Int) throws {
        let any = ["0.0.0.0": "127.0.0.1", "::": "::1"]
        let host = any[configuration.listenHost] ?? configuration.listenHost
        let server = "https://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        try Kubeconfig(server: server, authorityPEM: authority.certificatePEM, token: behaviour.token)
            .write(to: kubeconfigPath)
    }

    /// Ends every watch and the server; keeps the objects where a state file is wanted.
    package func stop() async {
        let tasks = running.withLock { running in
            defer { running.tasks = [] }
            return running.tasks
        }
        cluster.endWatches(forever: true)
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        if let path = configuration.stateFile { save(to: StateFile(path: path), isLast: true) }
        if configuration.kubeconfigPath == nil { try? FileManager.default.removeItem(atPath: kubeconfigPath) }
    }

    // MARK: Keeping the state

    /// Saves a second after a change, and never so often that saving takes more than a tenth of the time.
    private func keepSaving(_ file: StateFile) async {
        let clock = ContinuousClock()
        var pause = Duration.seconds(1)
        while !Task.isCancelled {
            do { try await clock.sleep(for: pause) } catch { return }
            let took = clock.measure { save(to: file, isLast: false) }
            pause = max(.seconds(1), took * 10)
        }
    }

    private func save(to file: StateFile, isLast: Bool) {
        let snapshot = cluster.read { $0.snapshot() }
        guard isLast || running.withLock({ $0.savedVersion }) != snapshot.version else { return }
        do {
            try file.write(snapshot, isLast: isLast)
            running.withLock { $0.savedVersion = snapshot.version }
        } catch {
            logger.error("\(file.path): the state cannot be kept: \(error)")
        }
    }

    // MARK: For tests

    /// Creates or replaces objects as a manifest would.
    @discardableResult
    package func apply(_ objects: [JSONValue]) -> [ManifestProblem] {
        let items = objects.map { object -> ManifestObject in
            var object = object
            let kind = ResourceKind.named(apiVersion: object.apiVersion, kind: object.kind)
            if kind?.isNamespaced == true, object.namespace.isEmpty { object.set("metadata", "namespace", "default") }
            return ManifestObject(object: object, file: "apply", line: 0)
        }
        return cluster.update { $0.apply(items) }.problems
    }

    /// Applies YAML or JSON text.
    @discardableResult
    package func apply(yaml: String) -> [ManifestProblem] {
        let (objects, problems) = ManifestReader.read(yaml, file: "apply")
        return problems + cluster.update { $0.apply(objects) }.problems
    }

    package func delete(_ kind: ResourceKind, namespace: String = "", name: String) throws(StatusError) {
        try cluster.update { state throws(StatusError) in
            _ = try state.delete(kind, namespace: namespace, name: name)
        }
    }

    /// Makes the server misbehave until nil is set; some faults happen once.
    package func setFault(_ fault: LabFault?) { setFaults(fault.map { [$0] } ?? []) }

    /// Makes the server misbehave in all these ways, and no other, from now on; some happen once.
    package func setFaults(_ faults: [LabFault]) {
        behaviour.faults = faults.filter { !$0.happensOnce }
        if faults.contains(.restartedHistory) {
            cluster.endWatches(forever: false)
            cluster.update { $0.store.restart(at: max(1, $0.store.version / 2)) }
            cluster.events.removeAll()
        }
        if faults.contains(.tokenRotation) {
            behaviour.token = ServerBehaviour.makeToken()
            let port = running.withLock { $0.port }
            if port != 0 { try? writeKubeconfig(port: port) }
        }
        cluster.wake()
    }
}
