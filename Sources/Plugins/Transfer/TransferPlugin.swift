package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization

/// Lets other servers copy whole zones of the block's plugins, and tells them when there is something new.
package final class TransferPlugin: Plugin {
    package static let directive = "transfer"
    private let rules: [TransferRule]
    private let sources = Mutex<[any ZoneSource]>([])
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        rules = try SettingsCheck.gather { check in directives.map { TransferRule($0, zones: block.zones, &check) } }
    }

    package func join(_ block: [any Plugin]) {
        let found = block.compactMap { $0 as? any ZoneSource }
        sources.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        TransferHandler(rules, sources.withLock { $0 }.compactMap { $0.makeZoneReader(on: server) }, on: server)
    }

    package func start(_ environment: any PluginEnvironment) async {
        task.withLock { task in
            task = Task {
                await withTaskGroup(of: Void.self) { group in
                    var running: Set<ZoneNotifier.Pair> = []
                    repeat {
                        // Plugins may find new zones at any time.
                        for notifier in self.notifiers where running.insert(notifier.pair).inserted {
                            group.addTask { await notifier.run() }
                        }
                    } while (try? await Task.sleep(for: ZoneNotifier.Pace().look)) != nil
                }
            }
        }
    }

    package func stop() async { task.withLock { $0 }?.cancel() }

    /// One for each zone and server that is to hear of it.
    var notifiers: [ZoneNotifier] {
        sources.withLock { $0 }.flatMap { source in
            source.copiedZones.flatMap { zone in
                guard let rule = TransferRule.best(of: rules, for: zone) else { return [ZoneNotifier]() }
                return rule.servers.map { server in
                    ZoneNotifier(zone: zone, server: server, from: rule.notifySource) { source.serial(of: zone) }
                }
            }
        }
    }
}
