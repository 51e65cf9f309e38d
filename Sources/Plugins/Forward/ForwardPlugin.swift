package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Sends questions to other servers and passes their replies on.
package final class ForwardPlugin: Plugin {
    package static let directive = "forward"

    /// In file order.
    let entries: [ForwardEntry]
    private let block: BlockSettings
    private let underWay = QuestionsUnderWay()
    private let tapProviders = Mutex<[any UpstreamTapProvider]>([])

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        entries = try SettingsCheck.gather { check in
            directives.compactMap { directive in
                ForwardSettings(directive, in: block, &check).map {
                    ForwardEntry($0, check.sessions(for: $0, directive, block))
                }
            }
        }
        self.block = block
    }

    package func join(_ block: [any Plugin]) {
        let found = block.compactMap { $0 as? any UpstreamTapProvider }
        tapProviders.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        let taps = tapProviders.withLock { $0 }.map { $0.makeUpstreamTap(on: server) }
        return ForwardHandler(entries, on: server, UpstreamMeter(.forward, block.metrics), underWay, taps)
    }

    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? ForwardPlugin else { return }
        let known = predecessor.entries.flatMap(\.upstreams)
        for upstream in entries.flatMap(\.upstreams) {
            if let same = known.first(where: { $0.target == upstream.target }) { upstream.adopt(same) }
        }
    }

    package func start(_ environment: any PluginEnvironment) async {
        for entry in entries where !entry.settings.ineffective.isEmpty {
            let words = entry.settings.ineffective.joined(separator: ", ")
            Log.warning("plugin/forward: \(entry.settings.at): \(words) has no effect in this build")
        }
        for entry in entries where entry.settings.encryptsNothing {
            Log.warning("plugin/forward: \(entry.settings.at): nothing is encrypted: no upstream is tls:// or https://")
        }
    }

    package func stop() async {
        for entry in entries { entry.stop() }
    }

    package var offersRecursion: Bool { true }
}

extension ForwardPlugin: QuestionSender {
    func belongs(to other: BlockSettings) -> Bool {
        block.zones == other.zones && block.addresses == other.addresses
    }

    func stopSending(_ name: Name) -> [String] {
        guard
            let entry = entries.first(where: { entry in
                name.isSubdomain(of: entry.settings.from)
                    && !entry.settings.except.contains { name.isSubdomain(of: $0) }
            })
        else { return [] }
        entry.markLooping()
        return entry.upstreams.map(\.label)
    }
}
