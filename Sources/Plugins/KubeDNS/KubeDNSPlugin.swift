package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Sends questions on as the ConfigMap of kube-dns says, and follows its mounted keys.
package final class KubeDNSPlugin: Plugin {
    package static let directive = "kubedns"

    private let configuration: KubeDNSConfiguration
    private let folder: String
    private let readFile: @Sendable (String) throws -> String
    private let forward: ForwardPlugin
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// How often the files are read: kube-dns' own period.
    private static let pause = Duration.seconds(10)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        guard let directive = check.only(directives) else { throw ConfigurationErrors(check.errors) }
        check.attempt(try directive.expectCount(1))
        check.attempt(try directive.noBlock())
        try check.finish()
        folder = directive.words.first ?? ""
        readFile = block.files.read
        configuration = KubeDNSConfiguration(folder, readFile)
        let lines = check.attempt(try configuration.forwards(for: directive, block.directives)) ?? []
        try check.finish()
        forward = try ForwardPlugin(lines, in: block)
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { forward.makeHandler(on: server) }

    package func adopt(_ predecessor: any Plugin) {
        if let predecessor = predecessor as? KubeDNSPlugin { forward.adopt(predecessor.forward) }
    }

    package func start(_ environment: any PluginEnvironment) async {
        await forward.start(environment)
        if configuration.isEmpty {
            Log.info("plugin/kubedns: no key of kube-dns' ConfigMap is in \(folder) yet")
        }
        if configuration.hasFederations {
            Log.warning(
                "plugin/kubedns: \(folder)/federations has no effect: federated Services are gone from Kubernetes; "
                    + "ServiceImports are in their place, by multicluster of kubernetes")
        }
        let watch = Task { [configuration, folder, readFile] in
            var known = configuration
            while (try? await Task.sleep(for: Self.pause)) != nil {
                let found = await WorkThread.files.run { KubeDNSConfiguration(folder, readFile) }
                // The same broken content is not tried again.
                guard found != known else { continue }
                known = found
                await environment.reload(to: nil)
            }
        }
        task.withLock { $0 = watch }
    }

    package func stop() async {
        task.withLock { $0 }?.cancel()
        await forward.stop()
    }

    package var offersRecursion: Bool { true }
}

extension KubeDNSPlugin: QuestionSender {
    func belongs(to other: BlockSettings) -> Bool { forward.belongs(to: other) }

    func stopSending(_ name: Name) -> [String] { forward.stopSending(name) }
}
