import ClusterModel
import ClusterSource
package import DNSServer
import DNSWire
import EventLoop
import Snapshots
import Synchronization

/// The search paths that kubelets give to pods: namespace, `svc` and zone, told by the pod that an address belongs to.
final class PodSearchPaths: SearchPathReader {
    private let zones: [ByteBlock]
    private var snapshot: Subscription<ClusterSnapshot>
    private var view: ClusterView
    private let state: FollowState
    private let loop: EventLoop
    private let room = ByteBlock(capacity: 512)
    /// When it was last seen whether pods are followed, in nanoseconds of the loop's clock, and what was seen.
    private var checked: UInt64 = 0
    private var isCurrent = false

    private let serviceLabel = ByteBlock([3] + Array("svc".utf8))
    /// Nanoseconds for which `isCurrent` is believed: looking takes locks that all loops share.
    private static let checkInterval: UInt64 = 100_000_000

    init(_ zones: [Name], _ published: Published<ClusterSnapshot>, _ state: FollowState, on server: LoopServer) {
        self.zones = zones.filter { !$0.isReverse }.sorted { $0.wire.count > $1.wire.count }
            .map { ByteBlock($0.wire) }
        snapshot = Subscription(published)
        view = snapshot.value.view
        self.state = state
        loop = server.loop
    }

    func searchPath(of client: IPAddress, for name: ByteView) -> SearchPath? {
        guard let zone = zones.first(where: { name.isSubdomain(of: $0.view) })?.view, followsPods else { return nil }
        if snapshot.refresh() { view = snapshot.value.view }
        guard let namespace = view.podNamespace(of: client) else { return nil }
        let label = serviceLabel.view
        let length = 1 + namespace.count + label.count + zone.count
        guard length <= 255, (1...63).contains(namespace.count) else { return nil }
        room.bytes.store(UInt8(namespace.count), at: 0)
        room.bytes.copy(namespace, to: 1)
        room.bytes.copy(label, to: 1 + namespace.count)
        room.bytes.copy(zone, to: 1 + namespace.count + label.count)
        return SearchPath(first: room.bytes.view(length), parents: 2)
    }

    /// False while an address may belong to another pod than the one last heard of.
    private var followsPods: Bool {
        guard loop.now &- checked >= Self.checkInterval || checked == 0 else { return isCurrent }
        checked = loop.now
        isCurrent = state.isSynced && !state.isRestored && state.isCurrent(.pod)
        return isCurrent
    }
}

extension KubernetesPlugin: SearchPathProvider {
    package func makeSearchPathReader(on server: LoopServer) -> (any SearchPathReader)? {
        guard let following = following.withLock({ $0 }) else { return nil }
        return PodSearchPaths(settings.zones, following.published, following.state, on: server)
    }
}
