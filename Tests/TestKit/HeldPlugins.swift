package import DNSServer
package import Telemetry

/// What plugins see of a process that does nothing but hold them.
package final class HeldPlugins: PluginEnvironment {
    package let metrics: MetricRegistry
    package let plugins: [any Plugin]
    package let isStopping = false
    package let configurationHash = ""

    package init(_ plugins: [any Plugin], _ metrics: MetricRegistry = MetricRegistry()) {
        self.plugins = plugins
        self.metrics = metrics
    }

    package func reload(to hash: String?) async -> Bool { true }
    package func hashOfFilesNow() -> String? { nil }
}
