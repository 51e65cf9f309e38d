package import ClusterModel
package import DNSServer
package import EventLoop
package import Plugins
import ZoneData

/// A live server whose `kubernetes` plugin follows a cluster written in the test instead of an API server.
package struct ClusterServer {
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

    package var plugin: KubernetesPlugin { cluster.plugin }
    package func list(_ objects: [ClusterObject]) { cluster.list(objects) }
    package func fail(_ kind: ObjectKind) { cluster.fail(kind) }
    package func metric(_ prefix: String) -> String? { server.metric(prefix) }
    package var address: SocketAddress { server.address }
    package var plan: ServingPlan { server.plan }
    package var failures: [String] { server.failures }

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

/// Responses as ldns prints them.
package enum ZoneText {
    /// Code and flags, then the records of answer and authority as zone text; `ede=` when the answer says why.
    package static func text(of octets: [UInt8]) throws -> String {
        let message = try MessageText.text(of: octets)
        let options = message.edns?.options ?? []
        let reason = options.count == 6 && options[1] == 15 ? " ede=\(options[5])" : ""
        let flags = message.flags.split(separator: " ").filter { !["qr", "rd", "ra"].contains($0) }
        let head = ([message.code] + flags.map(String.init)).joined(separator: " ") + reason
        return ([head] + (message.answer + message.authority).map { $0.replacing("\t", with: " ") })
            .joined(separator: "\n")
    }
}
