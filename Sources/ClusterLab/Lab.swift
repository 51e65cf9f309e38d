import Foundation
import Hummingbird
import HummingbirdHTTP2
import Logging
import NIOCore
import Synchronization

/// The embedded cluster: an API server in this process, its control plane, its manifests and its credentials.
package final class Lab: Sendable {
    package let configuration: LabConfiguration
    package let kubeconfigPath: String
    /// The objects, for tests that look behind the API.
    package let cluster: Cluster
    private let authority: CertificateAuthority
    private let behaviour: ServerBehaviour
    private let logger: Logger
    private let follower: ManifestFollower
    private let running = Mutex(Running())

    /// What runs between `start` and `stop`.
    private struct Running {
        var tasks: [Task<Void, Never>] = []
        var port = 0
        var problems: [ManifestProblem] = []
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
        cluster = Cluster(
            ClusterState(isManaged: !configuration.asStored, historyLimit: configuration.historyLimit))
        behaviour = ServerBehaviour(token: ServerBehaviour.makeToken())
        var hosts = ["127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        if !hosts.contains(configuration.listenHost) { hosts.append(configuration.listenHost) }
        authority = try CertificateAuthority(hosts: hosts)
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
        let (cluster, follower, configuration) = (cluster, follower, configuration)
        var tasks = [server]
        tasks.append(
            Task.detached {
                // Wakes the watches so that they see their deadlines.
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(250))
                    cluster.wake()
                }
            })
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
            running.port = port
            running.problems = problems
        }
    }

    /// The objects at the start: the standard ones, what was kept, what manifests say, what is generated.
    private func fill() throws -> [ManifestProblem] {
        cluster.update { $0.createStandardObjects() }
        var problems: [ManifestProblem] = []
        if let path = configuration.stateFile, let data = FileManager.default.contents(atPath: path) {
            let (objects, wrong) = ManifestReader.read(String(decoding: data, as: UTF8.self), file: path)
            problems += wrong
            problems += cluster.update { $0.apply(objects).problems }
        }
        // Generated first: manifests on top of it find its nodes.
        if let options = configuration.generate {
            try cluster.update { try ClusterGenerator.fill(&$0, options) }
        }
        return problems + (try follower.load())
    }

    private func serve() async throws -> (port: Int, server: Task<Void, Never>) {
        let (bound, signal) = AsyncThrowingStream.makeStream(of: Int.self)
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            responder: APIResponder(cluster: cluster, behaviour: behaviour, logger: logger),
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
        if let path = configuration.stateFile {
            let list = cluster.read { Self.everything(in: $0) }
            try? Data(list.bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        }
        if configuration.kubeconfigPath == nil { try? FileManager.default.removeItem(atPath: kubeconfigPath) }
    }

    private static func everything(in state: borrowing ClusterState) -> JSONValue {
        var items: [JSONValue] = []
        for kind in ResourceKind.all {
            // What controllers own they make again.
            items += state.store.list(kind).map { $0.typed(kind) }.filter {
                $0["metadata"]["ownerReferences"].elements.isEmpty
            }
        }
        return ["apiVersion": "v1", "kind": "List", "items": .array(items)]
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
    package func setFault(_ fault: LabFault?) {
        switch fault {
        case .restartedHistory:
            cluster.endWatches(forever: false)
            cluster.update { $0.store.restart(at: max(1, $0.store.version / 2)) }
        case .tokenRotation:
            behaviour.token = ServerBehaviour.makeToken()
            let port = running.withLock { $0.port }
            if port != 0 { try? writeKubeconfig(port: port) }
        default: behaviour.fault = fault
        }
        cluster.wake()
    }
}
