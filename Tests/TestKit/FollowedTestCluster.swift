package import ClusterModel
import ClusterSource
package import DNSServer
package import DNSWire
import Snapshots
import Synchronization
package import Telemetry

@testable package import Plugins

/// A cluster written in a test, in the place of the API server that the `kubernetes` plugin of a plan would follow.
package struct FollowedTestCluster {
    package let plugin: KubernetesPlugin
    private let following: ClusterFollowing

    /// - Throws: when no block of the plan says `kubernetes`.
    package init(
        for plan: ServingPlan, _ metrics: MetricRegistry, _ hostAddresses: [IPAddress] = TestPlan.hostAddresses
    ) throws {
        guard let plugin = plan.plugins.lazy.compactMap({ $0 as? KubernetesPlugin }).first else { throw NotFollowed() }
        following = ClusterFollowing(
            plugin.settings.cluster, startupTimeout: .seconds(5), metrics: metrics, localAddresses: hostAddresses)
        self.plugin = plugin
        let following = following
        for case let plugin as KubernetesPlugin in plan.plugins { plugin.following.withLock { $0 = following } }
    }

    private struct NotFollowed: Error {}

    /// Makes `objects` all that there is, as the end of the first list would.
    package func list(_ objects: [ClusterObject]) {
        let index = ClusterIndex(options: plugin.settings.cluster.model, seed: 42)
        index.apply(objects.map(ObjectChange.stored), now: 1_700_000_000)
        following.clients?.apply([.relistStarted(.pod)] + objects.map(ObjectChange.stored) + [.relistFinished(.pod)])
        following.published.publish(index.makeSnapshot())
        // Clients are known only while pods are heard of.
        if plugin.settings.cluster.model.indexesPods { following.state.age.heard(.pod) }
        following.state.markSynced()
    }

    /// As when objects of a kind cannot be listed any more.
    package func fail(_ kind: ObjectKind) { _ = following.state.failed(kind, "the API server cannot be reached") }

    /// As when nothing has been heard of the API server for longer than answers stay fresh.
    package func growOld() {
        following.state.age.heard(.service, at: .now - .seconds(100_000))
        following.state.age.review(at: .now)
    }
}
