import ClusterSource
package import Corefile
package import DNSServer
import DNSWire
import KubernetesAPI

/// Names what is reached from outside of a cluster: Ingresses, routes and their gateways, load balancers.
package final class GatewayPlugin: Plugin {
    package static let directive = "k8s_gateway"
    let settings: GatewaySettings
    private let source: LastingWork<Source>

    /// What is followed.
    private final class Source: Sendable {
        let index: GatewayIndex
        let following: ResourceFollowing<GatewayObject>

        init(_ settings: GatewaySettings) {
            let index = GatewayIndex(settings)
            self.index = index
            let nodeAddress = settings.nodeAddress
            following = ResourceFollowing(
                settings.cluster, settings.collections, plugin: GatewayPlugin.directive,
                ResourceFollowing.Reader(
                    isWanted: { collection in
                        guard GatewayKind(collection) == .endpointSlice else { return }
                        // Clusters have many endpoints, and few Services that want them named outside.
                        while !index.wantsEndpoints, !Task.isCancelled { try? await Task.sleep(for: .seconds(1)) }
                    },
                    content: { collection, object in
                        GatewayKind(collection).map { GatewayObject($0, object, nodeAddress: nodeAddress) }
                            ?? GatewayObject()
                    },
                    apply: { collection, changes in index.apply(collection, changes) }))
        }
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try GatewaySettings(directives, in: block)
        source = LastingWork(Source(settings)) { $0.following.stop() }
    }

    /// What is known; for tests that are the API server.
    var index: GatewayIndex { source.work.index }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { GatewayHandler(settings, index.published) }

    package func adopt(_ predecessor: any Plugin) {
        guard let old = predecessor as? GatewayPlugin, old.settings == settings else { return }
        source.adopt(old.source)
    }

    package func start(_ environment: any PluginEnvironment) async {
        source.work.following.lastHeard.show(
            "coredns_k8s_gateway_data_age_seconds",
            "Seconds since the API server was last heard, of the kind not heard for longest; -1 before the first time.",
            in: environment.metrics)
        source.work.following.start()
    }

    package func stop() async { source.release() }

    package var isReady: Bool? { index.missing == nil }

    package var unreadiness: String? { index.missing }
}
