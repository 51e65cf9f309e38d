/// How a pod reaches its own cluster: two environment variables and the projected service account folder.
package enum InCluster {
    package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// - Parameters:
    ///   - environment: of the process.
    ///   - folder: holds `token` and `ca.crt`; both are read again while running.
    package static func endpoint(
        environment: [String: String], folder: String = serviceAccountFolder
    ) throws(CredentialsError) -> APIEndpoint {
        func variable(_ name: String, _ expected: String) throws(CredentialsError) -> String {
            guard let value = environment[name], !value.isEmpty else {
                throw CredentialsError(
                    in: "environment", key: name, found: "nothing",
                    expected: "\(expected); outside a cluster a kubeconfig file is needed")
            }
            return value
        }
        let host = try variable("KUBERNETES_SERVICE_HOST", "the address of the API server")
        let port = try variable("KUBERNETES_SERVICE_PORT", "the port of the API server")
        let shown = host.contains(":") ? "[\(host)]" : host
        var endpoint = try APIEndpoint(
            url: "https://\(shown):\(port)", in: "environment", key: "KUBERNETES_SERVICE_HOST and _PORT")
        endpoint.token = .file(folder + "/token")
        // As client-go, a missing CA file means the system's authorities, so that unusual clusters still start.
        if (try? SmallFile.read(folder + "/ca.crt", expecting: "PEM certificates")) != nil {
            endpoint.trust = .authorities(.file(folder + "/ca.crt"))
        }
        return endpoint
    }
}
