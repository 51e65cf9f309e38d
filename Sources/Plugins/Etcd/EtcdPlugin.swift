package import Corefile
package import DNSServer
import Synchronization

/// Answers records that services write into etcd, in SkyDNS' form.
package final class EtcdPlugin: Plugin {
    package static let directive = "etcd"
    private let settings: EtcdSettings
    private let shared: Mutex<Shared>

    /// Outlives reloads that leave the settings alone.
    private final class Shared: Sendable {
        let follower: EtcdFollower
        private let users = Atomic<Int>(1)

        init(_ settings: EtcdSettings) { follower = EtcdFollower(settings) }

        func keep() { users.wrappingAdd(1, ordering: .relaxed) }

        func release() {
            if users.wrappingSubtract(1, ordering: .relaxed).newValue == 0 { follower.stop() }
        }
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try EtcdSettings(directives, in: block)
        shared = Mutex(Shared(settings))
    }

    /// What is known; for tests that are etcd.
    var follower: EtcdFollower { shared.withLock { $0.follower } }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { EtcdHandler(settings, follower.published) }

    package func adopt(_ predecessor: any Plugin) {
        guard let old = predecessor as? EtcdPlugin, old.settings == settings else { return }
        let taken = old.shared.withLock { $0 }
        taken.keep()
        shared.withLock { $0 = taken }
    }

    package func start(_ environment: any PluginEnvironment) async { follower.start() }

    package func stop() async { shared.withLock { $0 }.release() }
}
