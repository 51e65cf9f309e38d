internal import Glibc

extension InCluster {
    /// The endpoint that this process' environment names.
    package static func endpointOfThisProcess() throws(CredentialsError) -> APIEndpoint {
        var environment: [String: String] = [:]
        for name in ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] {
            environment[name] = unsafe getenv(name).map { unsafe String(cString: $0) }
        }
        return try endpoint(environment: environment)
    }
}
