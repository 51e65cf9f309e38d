package import Corefile
package import DNSServer
import Synchronization

/// Answers from all zone files of a folder.
package final class AutoPlugin: Plugin, ZoneTableSource {
    package static let directive = "auto"

    let zones = ServedZones([])
    private let folders: [FollowedFolder]
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        let settings = try SettingsCheck.gather { check in
            directives.map { AutoSettings($0, zones: block.zones, &check) }
        }
        folders = settings.map { [zones] in FollowedFolder($0, into: zones, block.files) }
        // Before the first query, and before what was in force until now goes.
        lookAgain()
    }

    /// Zones that both have go on, also those whose files cannot be read now, and what led to their versions.
    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? AutoPlugin else { return }
        for folder in folders { folder.adopt(from: predecessor.folders, serving: predecessor.zones) }
        zones.adopt(predecessor.zones)
    }

    package func start(_ environment: any PluginEnvironment) async {
        let folders = folders
        task.withLock { task in
            task = Task {
                await withTaskGroup(of: Void.self) { group in
                    for folder in folders { group.addTask { await folder.follow() } }
                }
            }
        }
    }

    package func stop() async { task.withLock { $0 }?.cancel() }

    /// Looks at every folder once.
    func lookAgain() { for folder in folders { folder.look() } }
}
