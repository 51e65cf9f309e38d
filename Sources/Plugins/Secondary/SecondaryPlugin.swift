package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Snapshots
import Synchronization

/// Answers from copies of zones that are kept as their primaries have them.
package final class SecondaryPlugin: Plugin, ZoneTableSource {
    package static let directive = "secondary"

    let zones: ServedZones
    private let copies: [CopiedZone]
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        let settings = try SettingsCheck.gather { check in
            directives.map { SecondarySettings($0, zones: block.zones, &check) }
        }
        var primaries: [Name: [SocketAddress]] = [:]
        for line in settings {
            for zone in line.zones { primaries[zone] = line.primaries }
        }
        let zones = ServedZones(primaries.keys.map { ServedZone(origin: $0) })
        self.zones = zones
        copies = primaries.map { CopiedZone($0.key, from: $0.value, into: zones) }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        ZoneTableHandler(zones) { [copies] zone, client in
            guard
                let copy = copies.first(where: { copy in
                    zone == copy.origin && copy.primaries.contains { $0.address == client }
                })
            else { return false }
            Task { await copy.ask() }
            return true
        }
    }

    /// Zones that both have are served as they were until a primary was heard.
    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? SecondaryPlugin else { return }
        for zone in predecessor.zones.published.value where zones.origins.contains(zone.origin) {
            zones.put(zone.origin, zone.table)
        }
    }

    package func start(_ environment: any PluginEnvironment) async {
        let copies = copies
        task.withLock { task in
            task = Task {
                await withTaskGroup(of: Void.self) { group in
                    for copy in copies { group.addTask { await copy.run() } }
                }
            }
        }
    }

    package func stop() async { task.withLock { $0 }?.cancel() }
}
