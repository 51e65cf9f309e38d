package import Corefile
package import DNSServer
import Synchronization

/// Answers from all zone files of a folder.
package final class AutoPlugin: Plugin, ZoneTableSource {
    package static let directive = "auto"

    let zones = ServedZones([])
    private let folders: FollowedFolders
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        let settings = try SettingsCheck.gather { check in
            directives.map { AutoSettings($0, zones: block.zones, &check) }
        }
        folders = FollowedFolders(settings, into: zones, block.files)
        // Before the first query, and before what was in force until now goes.
        lookAgain()
    }

    package func start(_ environment: any PluginEnvironment) async {
        let folders = folders
        task.withLock { $0 = Task { await folders.follow() } }
    }

    /// Zones that both have go on, also those whose files cannot be read now, and what led to their versions.
    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? AutoPlugin else { return }
        folders.adopt(predecessor.folders)
        zones.adopt(predecessor.zones)
    }

    package func stop() async { task.withLock { $0 }?.cancel() }

    /// Looks at every folder once.
    func lookAgain() { folders.look() }
}
