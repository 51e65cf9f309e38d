package import ClusterModel
package import DNSServer
package import EventLoop
import ZoneData

/// A live server whose `kubernetes` plugin follows a cluster written in the test instead of an API server.
package struct LiveClusterServer {
    private let server: LiveServer
    private let cluster: FollowedTestCluster

    /// - Parameters:
    ///   - directives: the lines of the block; one of them is `kubernetes`.
    ///   - objects: nil for a cluster that was not listed yet.
    package init(
        _ directives: String, _ objects: [ClusterObject]? = [], files: [String: String] = [:],
        streamLimits: StreamLimits = StreamLimits()
    ) async throws {
        var found: FollowedTestCluster?
        server = try await LiveServer(directives, files: files, streamLimits: streamLimits) { plan, metrics in
            found = try FollowedTestCluster(for: plan, metrics)
        }
        guard let found else { throw Silence() }
        cluster = found
        if let objects { list(objects) }
    }

    package func list(_ objects: [ClusterObject]) { cluster.list(objects) }
    package var address: SocketAddress { server.address }

    /// No response came.
    private struct Silence: Error {}

    /// Code and flags, then the records of answer and authority as zone text; `ede=` when the answer says why.
    package func ask(
        _ question: String, edns: Bool = false, over transport: DNSServer.Transport = .udp
    ) async throws -> String {
        let query = WireText.query(question, id: .random(in: 0 ... .max), dnssecOK: edns ? false : nil)
        return try await exchange(query, over: transport)
    }

    /// As `ask`, of a query in octets.
    package func exchange(_ query: [UInt8], over transport: DNSServer.Transport = .udp) async throws -> String {
        guard let octets = await server.exchange(query, over: transport) else { throw Silence() }
        return try ZoneText.text(of: octets)
    }
}
