import ClusterModel
import ClusterSource
package import Corefile
package import DNSServer
import DNSWire
import Snapshots
import Synchronization
import Telemetry

/// Answers for Services, endpoints and pods of the cluster it follows.
package final class KubernetesPlugin: Plugin {
    package static let directive = "kubernetes"
    private let written: KubernetesSettings
    /// Another plugin of the block has to know the pods behind addresses.
    private let knowsClients = Atomic<Bool>(false)
    private let localAddresses: [IPAddress]
    /// Set on start or taken from the plugin being replaced.
    let following: Mutex<ClusterFollowing?>

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        written = try KubernetesSettings(directives, in: block)
        localAddresses = block.reachableAddresses
        following = Mutex(nil)
    }

    /// What the lines say, and what other plugins need besides.
    var settings: KubernetesSettings {
        var settings = written
        settings.cluster.model.indexesPods = knowsClients.load(ordering: .acquiring)
        return settings
    }

    package func learnClients() { knowsClients.store(true, ordering: .releasing) }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        guard let following = following.withLock({ $0 }) else { return nil }
        let settings = settings
        let zones = ClusterZones(
            zones: settings.zones, primaryZone: settings.primaryZone, multicluster: settings.multiclusterZones,
            fallthroughZones: settings.fallthroughZones, ttl: settings.ttl)
        return ClusterZoneHandler(
            zones, .services, following, NameServerRecords(addresses: following.state.localAddresses))
    }

    /// The watches of the old configuration go on when they ask for the same objects.
    package func adopt(_ predecessor: any Plugin) {
        guard let old = predecessor as? KubernetesPlugin, old.settings.cluster == settings.cluster else { return }
        let taken = old.following.withLock { $0 }
        following.withLock { $0 = taken }
        taken?.keep()
    }

    package func start(_ environment: any PluginEnvironment) async {
        if following.withLock({ $0 }) == nil {
            let new = ClusterFollowing(
                settings.cluster, startupTimeout: settings.startupTimeout, metrics: environment.metrics,
                localAddresses: localAddresses)
            following.withLock { $0 = new }
            await new.start()
        }
    }

    package var startupTimeout: Duration? { settings.startupTimeout }

    package func stop() async { await following.withLock { $0 }?.release() }

    package var isReady: Bool? {
        guard let state = following.withLock({ $0 })?.state else { return false }
        return state.isSynced && state.age.missing.isEmpty
    }

    package var unreadiness: String? { following.withLock { $0 }?.state.unreadiness }
}
