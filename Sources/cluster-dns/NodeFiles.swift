import Corefile
import DNSServer
import NodeTier
import Plugins
import Synchronization
import Telemetry

/// The files that a node's configuration comes from, read anew for each look; says what is wrong with them once.
final class NodeFiles: Sendable {
    typealias Reading = Result<NodeConfiguration.Files, ConfigurationErrors>

    private struct State {
        var configuration: NodeConfiguration
        var lastRead: Reading?
        /// What was said last, so that it is not said at every look.
        var said: [String] = []
        var written = ""
        var cannotWrite = false
    }

    private let settings: NodeSettings
    private let clusterDNS: String?
    private let state: Mutex<State>

    init(_ settings: NodeSettings) {
        self.settings = settings
        clusterDNS = System.environment(settings.upstreamVariable)
        state = Mutex(State(configuration: NodeConfiguration(settings, clusterDNS: clusterDNS)))
    }

    func source(_ metrics: MetricRegistry) -> ConfigurationSource {
        let errors = NodeMetrics.errors(metrics, "configmap")
        return ConfigurationSource { [self] isReload throws(ConfigurationErrors) in
            try read { errors.add() }
        }
    }

    /// The files that the server's configuration was last read from.
    var lastRead: Reading? { state.withLock { $0.lastRead } }

    /// The files as they are.
    var now: Reading { Result { () throws(ConfigurationErrors) in try all() } }

    private func all() throws(ConfigurationErrors) -> NodeConfiguration.Files {
        // The template of an image without one is the Corefile itself, as of node-cache.
        let template =
            System.exists(settings.template) || !System.exists(settings.shown) ? settings.template : settings.shown
        let text = try read(template, "a readable template of a Corefile")
        var keys: [String: String] = [:]
        for key in ["stubDomains", "upstreamNameservers"] {
            let path = "\(settings.folder)/\(key)"
            // A key that is not there is none; one that cannot be read is no reason to do without it.
            if System.exists(path) { keys[path] = try read(path, "a readable key of kube-dns' ConfigMap") }
        }
        return NodeConfiguration.Files(
            template: text, templateFile: template,
            keys: KubeDNSConfiguration(settings.folder) { path in
                guard let text = keys[path] else { throw System.FileFailure(path: path, reason: "not there") }
                return text
            })
    }

    private func read(_ path: String, _ expected: String) throws(ConfigurationErrors) -> String {
        do throws(System.FileFailure) {
            return try System.readText(path)
        } catch {
            throw CorefileSource.refusal(of: path, found: error.reason, expected: expected)
        }
    }

    private func read(_ failed: () -> Void) throws(ConfigurationErrors) -> ConfigurationSource.Content {
        let found = now
        state.withLock { $0.lastRead = found }
        let files: NodeConfiguration.Files
        do throws(ConfigurationErrors) {
            files = try found.get()
        } catch {
            failed()
            throw error
        }
        let reader = NodeConfiguration.Reader(
            parse: { (text, file) throws(ConfigurationErrors) in try CorefileSource.parse(text, file: file) },
            judge: { [settings] (blocks) throws(ConfigurationErrors) in
                _ = try PlanBuilder.standard(metrics: MetricRegistry(), defaultPort: settings.port).build(
                    blocks, hash: "")
            })
        return try state.withLock { state throws(ConfigurationErrors) in
            let outcome = try state.configuration.read(files, by: reader)
            let lines = outcome.remarks + ["Corefile: \(outcome.summary)"] + (outcome.fault.map { ["\($0)"] } ?? [])
            if lines != state.said {
                state.said = lines
                for remark in outcome.remarks { Log.warning("node: \(remark)") }
                Log.info("node: Corefile: \(outcome.summary)")
                if let fault = outcome.fault {
                    failed()
                    Log.error("node: kube-dns' ConfigMap is wrong, what it said before is served on:\n\(fault)")
                }
            }
            show(outcome.text, &state)
            return (outcome.blocks, CorefileSource.hash(of: outcome.blocks))
        }
    }

    /// Nothing here reads it again, so a root that cannot be written to is no fault.
    private func show(_ text: String, _ state: inout State) {
        guard text != state.written, !state.cannotWrite, settings.shown != settings.template else { return }
        do throws(System.FileFailure) {
            try System.writeFile(settings.shown, text)
            state.written = text
        } catch {
            state.cannotWrite = true
            Log.info("node: the filled Corefile is not shown in a file: \(error)")
        }
    }
}
