import ClusterSource
package import Corefile
package import DNSServer
import DNSWire
import Synchronization

/// Names services for clients outside the cluster: external IPs and load balancers, at `service.namespace.zone`.
package final class ExternalPlugin: Plugin {
    package static let directive = "k8s_external"
    private let settings: ExternalSettings
    private let reachableAddresses: [IPAddress]
    /// The plugin of the same block that follows the cluster.
    private let kubernetes = Mutex<KubernetesPlugin?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try ExternalSettings(directives, in: block)
        reachableAddresses = block.reachableAddresses
    }

    package func join(_ block: [any Plugin]) {
        let found = block.lazy.compactMap { $0 as? KubernetesPlugin }.first
        kubernetes.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        guard let following = kubernetes.withLock({ $0 })?.following.withLock({ $0 }) else { return nil }
        let zones = ClusterZones(
            zones: settings.zones, primaryZone: settings.primaryZone, fallthroughZones: settings.fallthroughZones,
            ttl: settings.ttl)
        return ClusterZoneHandler(
            zones,
            .external(apex: ByteBlock(settings.apex.dropFirst()), answersHeadless: settings.answersHeadless), following,
            NameServerRecords(external: reachableAddresses, apex: settings.apex))
    }
}
