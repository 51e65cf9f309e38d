import ClusterSource
package import Corefile
package import DNSServer
import DNSWire
import KubernetesAPI
import Synchronization

/// Names what is reached from outside of a cluster: Ingresses, routes and their gateways, load balancers.
package final class GatewayPlugin: Plugin {
    package static let directive = "k8s_gateway"
    let settings: GatewaySettings
    private let source: Mutex<Source>

    /// What is followed; outlives reloads that leave the settings alone.
    private final class Source: Sendable {
        let index: GatewayIndex
        let following: ResourceFollowing<GatewayObject>
        private let users = Atomic<Int>(1)

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

        func keep() { users.wrappingAdd(1, ordering: .relaxed) }

        func release() {
            guard users.wrappingSubtract(1, ordering: .relaxed).newValue == 0 else { return }
            following.stop()
        }
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try GatewaySettings(directives, in: block)
        source = Mutex(Source(settings))
    }

    /// What is known; for tests that are the API server.
    var index: GatewayIndex { source.withLock { $0.index } }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { GatewayHandler(settings, index.published) }

    package func adopt(_ predecessor: any Plugin) {
        guard let old = predecessor as? GatewayPlugin, old.settings == settings else { return }
        let taken = old.source.withLock { $0 }
        taken.keep()
        source.withLock { $0 = taken }
    }

    package func start(_ environment: any PluginEnvironment) async { source.withLock { $0 }.following.start() }

    package func stop() async { source.withLock { $0 }.release() }

    package var isReady: Bool? { index.missing == nil }

    package var unreadiness: String? { index.missing }
}
