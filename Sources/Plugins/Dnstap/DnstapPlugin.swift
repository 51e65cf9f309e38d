package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Sends copies of queries and responses to a collector (dnstap.info), as frame streams.
package final class DnstapPlugin: Plugin {
    package static let directive = "dnstap"
    private let taps: [(settings: DnstapSettings, sender: DnstapSender)]
    private let collector = Mutex<(any MetadataCollector)?>(nil)
    private let tasks = Mutex<[Task<Void, Never>]>([])
    private let scheme: ServerScheme

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var all: [(DnstapSettings, (any UpstreamSessions)?)] = []
        for line in directives {
            guard var settings = check.attempt(try DnstapSettings(line)) else { continue }
            DnstapSettings.options.read(line.block, into: &settings, &check)
            if let sessions = check.attempt(try settings.sessions(line, block)) { all.append((settings, sessions)) }
        }
        try check.finish()
        scheme = block.schemes.first ?? .dns
        taps = all.map { settings, sessions in
            let dropped = block.metrics.counter(
                "coredns_dnstap_dropped_messages_total",
                "Counter of dnstap messages dropped because no collector took them.")
            return (settings, DnstapSender(settings.collector, sessions, most: settings.most, dropped))
        }
    }

    package func join(_ block: [any Plugin]) {
        let found = block.lazy.compactMap { $0 as? any MetadataCollector }.first
        collector.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        let metadata = collector.withLock { $0 }?.makeMetadataReader(on: server)
        return DnstapHandler(makeTaps(on: server), metadata)
    }

    private func makeTaps(on server: LoopServer) -> [DnstapTap] {
        taps.map { DnstapTap($0.settings, scheme, $0.sender, on: server) }
    }

    package func start(_ environment: any PluginEnvironment) async {
        let started = taps.map { tap in Task { await tap.sender.run() } }
        tasks.withLock { $0 = started }
    }

    package func stop() async {
        let running = tasks.withLock { $0 }
        running.forEach { $0.cancel() }
        for task in running { await task.value }
    }
}

extension DnstapPlugin: UpstreamTapProvider {
    func makeUpstreamTap(on server: LoopServer) -> any UpstreamTap { DnstapUpstreamTap(makeTaps(on: server)) }
}
