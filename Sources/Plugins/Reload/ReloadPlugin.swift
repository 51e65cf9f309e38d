package import Corefile
package import DNSServer
import Synchronization
import Telemetry

/// Looks at the configuration files every now and then and takes over what changed.
package final class ReloadPlugin: Plugin {
    package static let directive = "reload"
    private let interval: Duration
    private let jitter: Duration
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var interval = Duration.seconds(30)
        var jitter = Duration.seconds(15)
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(0...2))
            check.attempt(try directive.noBlock())
            if let first = directive.arguments.first {
                interval = check.attempt(try directive.duration(first)) ?? interval
            }
            if let second = directive.arguments.dropFirst().first {
                jitter = check.attempt(try directive.duration(second)) ?? jitter
            }
            if interval < .seconds(2) {
                check.report(directive.error(found: "an interval of \(interval)", expected: "at least 2s"))
            }
            if jitter != .zero, jitter < .seconds(1) {
                check.report(directive.error(found: "a jitter of \(jitter)", expected: "0s or at least 1s"))
            }
        }
        self.interval = interval
        self.jitter = min(jitter, interval / 2)
        try check.finish()
    }

    package func start(_ environment: any PluginEnvironment) async {
        Log.info("plugin/reload: Running configuration SHA512 = \(environment.configurationHash)")
        environment.metrics.reading(
            "coredns_reload_version_info", "A metric with a constant '1' value labeled by hash.",
            [("hash", "sha512"), ("value", environment.configurationHash)],
            of: self
        ) { _ in 1 }
        // Drawn once, so that replicas started together do not read together.
        let half = jitter / 2
        let pause = interval - half + jitter * Double.random(in: 0..<1)
        let watch = Task { await Self.watch(environment, every: pause) }
        task.withLock { $0 = watch }
    }

    /// Between two looks at files that have changed: who writes them is not interrupted for so long.
    private static let settling = Duration.milliseconds(200)

    static func watch(
        _ environment: any PluginEnvironment, every pause: Duration, settling: Duration = settling
    ) async {
        /// What was not taken over; it is not tried again.
        var refused: FilesNow?
        while !Task.isCancelled {
            do { try await Task.sleep(for: pause) } catch { return }
            let found = FilesNow(await environment.hashOfFilesNow())
            guard found != .read(environment.configurationHash) else {
                refused = nil
                continue
            }
            guard found != refused else { continue }
            // Files that are being written are not read half: two looks in a row have to find the same.
            do { try await Task.sleep(for: settling) } catch { return }
            guard FilesNow(await environment.hashOfFilesNow()) == found else { continue }
            if found == .unreadable {
                Log.warning("plugin/reload: the configuration cannot be read; the old one serves on")
            }
            // Reloading reports what is wrong, once for each new content.
            if await environment.reload(to: found.hash) { refused = found }
        }
    }

    private enum FilesNow: Equatable {
        case read(String)
        /// Not there, or not a Corefile.
        case unreadable

        init(_ hash: String?) { self = hash.map(Self.read) ?? .unreadable }

        var hash: String? {
            if case .read(let hash) = self { hash } else { nil }
        }
    }

    package func stop() async { task.withLock { $0 }?.cancel() }
}
