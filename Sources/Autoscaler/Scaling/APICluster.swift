package import KubernetesAPI
internal import Synchronization

/// The requests of a scaling round, made to an API server.
package final class APICluster: ScaledCluster {
    private let requests: ScalingRequests
    private let configMapName: String
    private let identity: String
    private let clock: @Sendable () -> Double
    /// What discovery told of kinds that are not known beforehand.
    private let discovered = Mutex<[String: ScaleResource]>([:])
    private let scraper = PodScraper()

    /// - Parameters:
    ///   - identity: of this process, for Events.
    ///   - clock: seconds since 1970.
    package init(
        connection: APIConnection, namespace: String, configMap: String, identity: String,
        clock: @escaping @Sendable () -> Double
    ) {
        requests = ScalingRequests(connection: connection, namespace: namespace)
        configMapName = configMap
        self.identity = identity
        self.clock = clock
    }

    package func configMap() async throws(RequestProblem) -> ObservedConfigMap? {
        try await requests.configMap(configMapName)
    }

    package func createConfigMap(_ data: [String: String]) async throws(RequestProblem) {
        try await requests.createConfigMap(configMapName, data: data)
    }

    // MARK: Targets

    private func resource(of target: ScaleTarget) async throws(RequestProblem) -> ScaleResource {
        if let known = ScaleResource.known(target.kind) ?? discovered.withLock({ $0[target.kind] }) { return known }
        let labels = target.kind.split(separator: ".", maxSplits: 2)
        func missing(_ reason: String) -> RequestProblem {
            RequestProblem(verb: "scale", resource: target.kind, name: target.name, cause: .failed(reason))
        }
        guard labels.count == 3 else { throw missing("it is not KIND.VERSION.GROUP") }
        let (kind, version, group) = (String(labels[0]), String(labels[1]), String(labels[2]))
        guard let found = try await requests.discover(kind: kind, version: version, group: group) else {
            throw missing("\(group)/\(version) has no \(kind) with a scale sub-resource")
        }
        discovered.withLock { $0[target.kind] = found }
        return found
    }

    package func scale(of target: ScaleTarget) async throws(RequestProblem) -> ObservedScale {
        try await requests.scale(try await resource(of: target), target.name)
    }

    package func set(
        _ replicas: Int, of target: ScaleTarget, readAs scale: ObservedScale
    ) async throws(RequestProblem) {
        try await requests.set(replicas, of: try await resource(of: target), target.name, readAs: scale)
    }

    // MARK: Events

    package func report(
        _ severity: EventReport.Severity, _ reason: String, _ message: String, about target: ScaleTarget
    ) async throws(RequestProblem) {
        let resource = try await resource(of: target)
        try await requests.report(
            EventReport(
                severity, reason: reason, message: message, apiVersion: resource.apiVersion, kind: resource.kind,
                name: target.name, reporter: identity, time: clock()))
    }

    package func reportParameters(
        _ severity: EventReport.Severity, _ reason: String, _ message: String, uid: String
    ) async throws(RequestProblem) {
        try await requests.report(
            EventReport(
                severity, reason: reason, message: message, kind: "ConfigMap", name: configMapName, uid: uid,
                reporter: identity, time: clock()))
    }

    // MARK: Load

    package func samples(
        selector: String, port: Int
    ) async throws(RequestProblem) -> (samples: [String: LoadSample], pods: Int) {
        let addresses = try await requests.podAddresses(selector: selector, limit: PodScraper.mostPods)
        return (await scraper.scrape(addresses, port: port), addresses.count)
    }
}
