package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Snapshots
import Synchronization
import Telemetry

/// Decides which of a name's addresses comes first.
package final class LoadBalancePlugin: Plugin {
    package static let directive = "loadbalance"
    private let settings: LoadBalanceSettings
    private let readFile: @Sendable (String) throws -> String
    /// The weights of the file; empty without one.
    private let weights = Published(AddressWeights())
    /// The file as read last; nil when it could not be read.
    private let text = Mutex<String?>(nil)
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        settings = LoadBalanceSettings(directives, &check)
        readFile = block.files.read
        if let path = settings.weightFile { loadFirst(path, directives, &check) }
        try check.finish()
    }

    private func loadFirst(_ path: String, _ directives: [Directive], _ check: inout SettingsCheck) {
        guard let line = directives.first else { return }
        let content: String
        do {
            content = try readFile(path)
        } catch {
            guard settings.reload > .zero else {
                return check.report(line.error(found: "\(path): \(error)", expected: Self.expectation))
            }
            // It may be mounted later; until then every address weighs the same.
            return Log.warning("plugin/loadbalance: \(path): \(error), it is looked for again in \(settings.reload)")
        }
        do {
            text.withLock { $0 = content }
            weights.publish(try AddressWeights(content))
        } catch {
            check.report(line.error(found: "\(path): \(error)", expected: Self.expectation))
        }
    }

    private static let expectation = "a file of names, each with its addresses and weights"

    package func makeHandler(on server: LoopServer) -> (any Handler)? { LoadBalanceHandler(settings, weights) }

    package func start(_ environment: any PluginEnvironment) async {
        guard let path = settings.weightFile, settings.reload > .zero else { return }
        task.withLock { task in
            task = Task { [weak self, interval = settings.reload] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: interval)
                    guard !Task.isCancelled, let self else { return }
                    await WorkThread.files.run { self.readAgain(path) }
                }
            }
        }
    }

    package func stop() async { task.withLock { $0?.cancel() } }

    /// Takes over the file when it changed; one with a mistake is reported once and changes nothing.
    func readAgain(_ path: String) {
        guard let new = try? readFile(path) else { return }
        let isNew = text.withLock { text in
            defer { text = new }
            return text != new
        }
        guard isNew else { return }
        do {
            weights.publish(try AddressWeights(new))
        } catch {
            Log.error("plugin/loadbalance: \(path): \(error), the weights read before are kept")
        }
    }
}

/// What a `loadbalance` line says.
struct LoadBalanceSettings: Sendable {
    /// Nil for `round_robin`.
    private(set) var weightFile: String?
    /// How often the file is looked at; zero for never.
    private(set) var reload = Duration.seconds(30)
    /// Addresses in these networks come before others.
    private(set) var preferred: [Network] = []

    private static var options: OptionTable<Self> {
        [
            .custom("reload") { line, settings, check throws(ConfigurationError) in
                if settings.weightFile == nil {
                    check.report(line.error(found: "reload without weighted", expected: "weighted FILE"))
                }
                settings.reload = try line.duration(0)
                try line.expectCount(1)
            },
            .custom("prefer") { line, settings, check throws(ConfigurationError) in
                try line.expectCount(1...)
                settings.preferred += check.each(line.arguments) { token throws(ConfigurationError) in
                    try line.network(token)
                }
            },
        ]
    }

    init(_ directives: [Directive], _ check: inout SettingsCheck) {
        guard let directive = check.only(directives) else { return }
        check.attempt(try readPolicy(directive))
        Self.options.read(directive.block, into: &self, &check)
    }

    private mutating func readPolicy(_ directive: Directive) throws(ConfigurationError) {
        guard let token = directive.arguments.first else { return }
        switch try directive.oneOf(token, ["round_robin", "weighted"]) {
        case "weighted":
            weightFile = try directive.argument(1, "the file of weights").text
            try directive.expectCount(2)
        default: try directive.expectCount(1)
        }
    }
}
