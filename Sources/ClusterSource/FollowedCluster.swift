package import ClusterModel
import DNSWire
package import KubernetesAPI

/// Which objects are followed, of which API server and how: what has equal ones shares a follower.
package struct FollowedCluster: Hashable, Sendable {
    /// The URL of an API server, with the files of a client certificate, its key and an authority; nil for the one of
    /// the kubeconfig, or of the pod this runs in.
    package var endpoint: String?
    package var tls: [String] = []
    package var kubeconfig: String?
    package var context: String?
    /// Label selectors; empty for all.
    package var labels = ""
    package var namespaceLabels = ""
    package var model = ModelOptions()
    /// Names and labels of clients' pods are wanted.
    package var namesClients = false
    /// The file that keeps what is known for the next start; nil for none.
    package var snapshot: String?
    /// How often the API server is asked.
    package var pace = RequestPace()
    /// The age of what is known from which answers are called stale; nil for never.
    package var staleAfter: Duration? = .seconds(300)

    package init() {}

    /// The kinds of object that are needed.
    package var kinds: Set<ObjectKind> {
        var kinds: Set<ObjectKind> = [.namespace, .service]
        if model.answersEndpoints { kinds.insert(.endpointSlice) }
        if model.answersImports { kinds.insert(.serviceImport) }
        if model.pods == .verified || model.indexesPods { kinds.insert(.pod) }
        return kinds
    }

    /// The API server: a kubeconfig's, `endpoint`, or that of the pod this runs in.
    func apiEndpoint() throws(CredentialsError) -> APIEndpoint {
        if let kubeconfig { return try Kubeconfig.endpoint(path: kubeconfig, context: context) }
        guard let url = endpoint else { return try InCluster.endpointOfThisProcess() }
        var endpoint = try APIEndpoint(url: url, in: "Corefile", key: "kubernetes endpoint")
        if tls.count == 3 {
            endpoint.clientCertificate = .init(chain: .file(tls[0]), key: .file(tls[1]))
            endpoint.trust = .authorities(.file(tls[2]))
        }
        return endpoint
    }

    /// What decides which objects a saved snapshot holds, as a number that is the same in every process: how they are
    /// asked for may differ.
    var fingerprint: UInt64 {
        let text = [
            endpoint ?? "", kubeconfig ?? "", context ?? "", labels, namespaceLabels,
            model.namespaces?.sorted().joined(separator: ",") ?? "", "\(model.pods)", "\(model.endpointPodNames)",
            "\(model.answersEndpoints)", "\(model.keepsExternalAddresses)", "\(model.indexesPods)",
            "\(model.answersImports)", "\(model.answersZones)",
        ].joined(separator: "\n")
        return withBytes(Array(text.utf8)) { $0.hash(seed: 0x5EED) }
    }
}
