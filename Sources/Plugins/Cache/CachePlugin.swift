package import Corefile
package import DNSServer
import DNSWire
import Synchronization
import Telemetry

/// Keeps replies of upstreams for as long as their records hold.
package final class CachePlugin: Plugin {
    package static let directive = "cache"

    let settings: CacheSettings
    private let block: BlockSettings
    private let kept: Mutex<CacheStore>
    private let following: CacheFollowing?

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try SettingsCheck.gather { CacheSettings(directives, zones: block.zones, &$0) }
        self.block = block
        following = settings.followed > 0 ? CacheFollowing() : nil
        kept = Mutex(
            CacheStore(successCapacity: settings.success.capacity, denialCapacity: settings.denial.capacity))
    }

    var store: CacheStore { kept.withLock { $0 } }

    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? CachePlugin, predecessor.settings == settings,
            predecessor.block.zones == block.zones, predecessor.block.addresses == block.addresses
        else { return }
        let store = predecessor.store
        kept.withLock { $0 = store }
    }

    package func join(_ block: [any Plugin]) {
        // Those that are asked by TLS or HTTP have connections of another kind.
        let targets = block.lazy.compactMap { $0 as? ForwardPlugin }.first?.entries.first?.settings.targets ?? []
        following?.upstreams = targets.filter { !$0.hasConnectionsOnly }.map(\.address)
    }

    package func stop() async { following?.end() }

    package func start(_ environment: any PluginEnvironment) async {
        for words in settings.ineffective {
            Log.warning("plugin/cache: \(words) has no effect in this build")
        }
        if let following, following.upstreams.isEmpty {
            Log.warning("plugin/cache: follow has no effect: no forward of this block has an upstream of plain DNS")
        }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        let store = store
        server.memory.register(store)
        let labels = CacheCounters.labels(block, settings)
        for kind in CacheKind.allCases {
            block.metrics.reading(
                "coredns_cache_entries", "The number of elements in the cache.", CacheCounters.labels(labels, kind),
                of: store
            ) { Double($0.count(kind)) }
        }
        following?.begin(
            on: server, FollowCounters(block.metrics, labels)
        ) { [settings] upstreams, counters in
            NameFollower(upstreams, settings, store, counters, on: server.loop)
        }
        return CacheHandler(settings, store, on: server, CacheCounters(block.metrics, labels), following)
    }
}

/// What one loop counts.
struct CacheCounters {
    let requests: Counter
    let misses: Counter
    let prefetches: Counter
    let servedStale: Counter
    /// Replies too large to be kept.
    let drops: Counter
    /// By kind.
    let hits: [Counter]
    let evictions: [Counter]

    init(_ metrics: MetricRegistry, _ labels: [(String, String)]) {
        requests = metrics.counter("coredns_cache_requests_total", "The count of cache requests.", labels)
        misses = metrics.counter(
            "coredns_cache_misses_total",
            "The count of cache misses. Deprecated, derive misses from requests and hits.",
            labels)
        prefetches = metrics.counter(
            "coredns_cache_prefetch_total", "The number of times the cache has prefetched a cached item.", labels)
        servedStale = metrics.counter(
            "coredns_cache_served_stale_total", "The number of requests served from stale cache entries.", labels)
        drops = metrics.counter("coredns_cache_drops_total", "The number of replies that were not kept.", labels)
        hits = CacheKind.allCases.map {
            metrics.counter("coredns_cache_hits_total", "The count of cache hits.", Self.labels(labels, $0))
        }
        evictions = CacheKind.allCases.map {
            metrics.counter("coredns_cache_evictions_total", "The count of cache evictions.", Self.labels(labels, $0))
        }
    }

    static func labels(_ block: BlockSettings, _ settings: CacheSettings) -> [(String, String)] {
        [
            ("server", block.serverLabel), ("zones", settings.zones.map(\.description).joined(separator: ",")),
            ("view", block.view),
        ]
    }

    static func labels(_ labels: [(String, String)], _ kind: CacheKind) -> [(String, String)] {
        [labels[0], ("type", kind.label)] + labels.dropFirst()
    }
}
