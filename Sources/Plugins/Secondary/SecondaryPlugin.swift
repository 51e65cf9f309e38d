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
    /// Whose NOTIFY is heard, by zone.
    private let hearing: [Name: Set<IPAddress>]
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
        copies = primaries.map { origin, addresses in
            CopiedZone(origin, from: addresses.map { AskedPrimary(address: $0) }, into: zones)
        }
        hearing = primaries.mapValues { Set($0.map(\.address)) }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        ZoneTableHandler(zones) { [copies, hearing] zone, client in
            guard hearing[zone]?.contains(client) == true else { return false }
            copies.first { $0.origin == zone }?.ask()
            return true
        }
    }

    /// Zones that both have go on: what is served and until when, and what led to it.
    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? SecondaryPlugin else { return }
        zones.adopt(predecessor.zones)
        let known = Dictionary(predecessor.copies.map { ($0.origin, $0) }) { first, _ in first }
        for copy in copies {
            if let same = known[copy.origin] { copy.adopt(same) }
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
