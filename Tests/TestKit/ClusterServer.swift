package import ClusterModel
package import DNSServer
package import Plugins

/// A server in memory whose `kubernetes` plugin follows a cluster written in the test instead of an API server; its
/// answers are read as zone text.
package struct ClusterServer {
    package let server: MemoryServer
    /// What the plugin follows; another thread or a script of an upstream may change it.
    package let cluster: FollowedTestCluster

    /// - Parameters:
    ///   - directives: the lines of the block; one of them is `kubernetes`. `@UPSTREAM@` is the upstream's address.
    ///   - objects: nil for a cluster that was not listed yet.
    package init(
        _ directives: String, _ objects: [ClusterObject]? = [], files: [String: String] = [:],
        upstream: ScriptedUpstream.Script? = nil
    ) throws {
        server = try MemoryServer(directives, objects, files: files, upstream: upstream)
        guard let cluster = server.cluster else { throw NotFollowed() }
        self.cluster = cluster
    }

    private struct NotFollowed: Error {}
    /// No response came.
    private struct Silence: Error {}

    package var plugin: KubernetesPlugin { cluster.plugin }
    package var plan: ServingPlan { server.plan }
    /// What the upstream was asked.
    package var queries: [ReceivedQuery] { server.queries }
    package var failures: [String] { server.failures }
    package func list(_ objects: [ClusterObject]) { cluster.list(objects) }
    package func fail(_ kind: ObjectKind) { cluster.fail(kind) }
    package func metric(_ prefix: String) -> String? { server.metric(prefix) }

    /// Code and flags, then the records of answer and authority as zone text; `ede=` when the answer says why.
    package func ask(
        _ question: String, edns: Bool = false, over transport: DNSServer.Transport = .udp
    ) throws -> String {
        guard let octets = server.begin(question, over: transport, dnssecOK: edns ? false : nil).octets else {
            throw Silence()
        }
        return try ZoneText.text(of: octets)
    }
}
