package import Corefile
package import DNSServer
import Synchronization
import Telemetry

/// Lets debugging lines through to the log while a configuration with it is in force.
package final class DebugPlugin: Plugin {
    package static let directive = "debug"
    /// Plugins of this kind that are started: a reload starts the next before it stops the last.
    private static let started = Atomic<Int>(0)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        try SettingsCheck.gather { $0.expectNameOnly(directives) }
    }

    package func start(_ environment: any PluginEnvironment) async {
        Self.started.wrappingAdd(1, ordering: .relaxed)
        Log.showDebug(true)
    }

    package func stop() async {
        if Self.started.wrappingSubtract(1, ordering: .relaxed).newValue == 0 { Log.showDebug(false) }
    }
}
