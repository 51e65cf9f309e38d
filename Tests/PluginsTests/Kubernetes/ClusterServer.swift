import ClusterModel
import DNSServer
import DNSWire
import EventLoop
import Snapshots
import Synchronization
import Testing
import ZoneData

@testable import Plugins

/// A server whose `kubernetes` plugin follows a cluster written in the test instead of an API server.
struct ClusterServer {
    private let server: LiveServer
    private let following: ClusterFollowing
    let plugin: KubernetesPlugin

    /// - Parameters:
    ///   - directives: the lines of the block; one of them is `kubernetes`.
    ///   - objects: nil for a cluster that was not listed yet.
    init(
        _ directives: String, _ objects: [ClusterObject]? = [], files: [String: String] = [:],
        streamLimits: StreamLimits = StreamLimits()
    ) async throws {
        var found: (KubernetesPlugin, ClusterFollowing)?
        server = try await LiveServer(directives, files: files, streamLimits: streamLimits) { plan, metrics in
            let plugin = try #require(plan.plugins.compactMap { $0 as? KubernetesPlugin }.first)
            let following = ClusterFollowing(
                plugin.settings, metrics: metrics, localAddresses: LiveServer.hostAddresses)
            plugin.following.withLock { $0 = following }
            found = (plugin, following)
        }
        (plugin, following) = try #require(found)
        if let objects { list(objects) }
    }

    /// Makes `objects` all that there is, as the end of the first list would.
    func list(_ objects: [ClusterObject]) {
        let index = ClusterIndex(options: plugin.settings.model, seed: 42)
        index.apply(objects.map(ObjectChange.stored), now: 1_700_000_000)
        following.clients?.apply([.relistStarted(.pod)] + objects.map(ObjectChange.stored) + [.relistFinished(.pod)])
        following.published.publish(index.makeSnapshot())
        // Clients are known only while pods are heard of.
        if plugin.settings.model.indexesPods { following.state.age.heard(.pod) }
        following.state.markSynced()
    }

    /// As when objects of a kind cannot be listed any more.
    func fail(_ kind: ObjectKind) { _ = following.state.failed(kind, "the API server cannot be reached") }

    func metric(_ prefix: String) -> String? { server.metric(prefix) }

    var address: SocketAddress { server.address }
    var plan: ServingPlan { server.plan }
    var failures: [String] { server.failures }

    /// Code and flags, then the records of answer and authority as zone text; `ede=` when the answer says why.
    func ask(_ question: String, edns: Bool = false, over transport: DNSServer.Transport = .udp) async throws -> String {
        let query = WireText.query(question, id: .random(in: 0 ... .max), dnssecOK: edns ? false : nil)
        return try await exchange(query, over: transport)
    }

    /// As `ask`, of a query in octets.
    func exchange(_ query: [UInt8], over transport: DNSServer.Transport = .udp) async throws -> String {
        let octets = try #require(await server.exchange(query, over: transport), "silence")
        let message = try MessageText.text(of: octets)
        let options = message.edns?.options ?? []
        let reason = options.count == 6 && options[1] == 15 ? " ede=\(options[5])" : ""
        let flags = message.flags.split(separator: " ").filter { !["qr", "rd", "ra"].contains($0) }
        let head = ([message.code] + flags.map(String.init)).joined(separator: " ") + reason
        return ([head] + (message.answer + message.authority).map { $0.replacing("\t", with: " ") })
            .joined(separator: "\n")
    }
}

// MARK: - Objects

private func key(_ path: String) -> ObjectKey {
    let parts = path.split(separator: "/").map(String.init)
    return ObjectKey(namespace: parts[0], name: parts[1])
}

func namespace(_ name: String) -> ClusterObject { .namespace(NamespaceObject(name: name)) }

func service(_ path: String, _ addresses: String...) -> ClusterObject {
    .service(ServiceObject(key: key(path), addressing: .cluster(addresses.compactMap { IPAddress($0) })))
}

func pod(
    _ path: String, _ address: String, usesHostNetwork: Bool = false, labels: [String: String] = [:]
) -> ClusterObject {
    .pod(
        PodObject(
            key: key(path), addresses: [IPAddress(address)].compactMap { $0 }, usesHostNetwork: usesHostNetwork,
            labels: labels))
}

func externalName(_ path: String, _ target: String) -> ClusterObject {
    .service(ServiceObject(key: key(path), addressing: .externalName(target)))
}
