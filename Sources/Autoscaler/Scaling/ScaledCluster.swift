package import KubernetesAPI

/// The requests of a scaling round, so that tests can stand in for the API server.
package protocol ScaledCluster: Sendable {
    /// - Returns: nil when there is no ConfigMap.
    func configMap() async throws(RequestProblem) -> ObservedConfigMap?
    func createConfigMap(_ data: [String: String]) async throws(RequestProblem)
    func scale(of target: ScaleTarget) async throws(RequestProblem) -> ObservedScale
    func set(_ replicas: Int, of target: ScaleTarget, readAs scale: ObservedScale) async throws(RequestProblem)
    /// An Event about the target.
    func report(_ severity: EventReport.Severity, _ reason: String, _ message: String, about target: ScaleTarget)
        async throws(RequestProblem)
    /// An Event about the ConfigMap.
    func reportParameters(_ severity: EventReport.Severity, _ reason: String, _ message: String, uid: String)
        async throws(RequestProblem)
    /// What the pods that `selector` selects have counted, by address, and how many pods there are.
    func samples(selector: String, port: Int) async throws(RequestProblem) -> (samples: [String: LoadSample], pods: Int)
}
