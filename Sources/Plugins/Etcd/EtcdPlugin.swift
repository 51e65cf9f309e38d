import ClusterSource
package import Corefile
package import DNSServer

/// Answers records that services write into etcd, in SkyDNS' form.
package final class EtcdPlugin: Plugin {
    package static let directive = "etcd"
    private let settings: EtcdSettings
    private let following: LastingWork<EtcdFollower>

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try EtcdSettings(directives, in: block)
        following = LastingWork(EtcdFollower(settings)) { $0.stop() }
    }

    /// What is known; for tests that are etcd.
    var follower: EtcdFollower { following.work }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { EtcdHandler(settings, follower.published) }

    package func adopt(_ predecessor: any Plugin) {
        guard let old = predecessor as? EtcdPlugin, old.settings == settings else { return }
        following.adopt(old.following)
    }

    package func start(_ environment: any PluginEnvironment) async {
        follower.lastHeard.show(
            "coredns_etcd_data_age_seconds", "Seconds since etcd was last heard; -1 before the first time.",
            in: environment.metrics)
        follower.start()
    }

    package func stop() async { following.release() }
}
