import DNSServer
import DNSWire
import Synchronization
import Telemetry
import ZoneData

/// Serves the zone files of a folder: those that come, those that change, and no longer those that go.
final class FollowedFolder: Sendable {
    private let settings: AutoSettings
    private let zones: ServedZones
    private let files: FileAccess
    private let followed = Mutex<[Name: Followed]>([:])
    private let isMissing = Mutex(false)

    private struct Followed {
        let path: String
        let file: FollowedZoneFile
    }

    init(_ settings: AutoSettings, into zones: ServedZones, _ files: FileAccess) {
        self.settings = settings
        self.zones = zones
        self.files = files
    }

    func follow() async {
        guard settings.reload > .zero else { return }
        while (try? await Task.sleep(for: settings.reload)) != nil { look() }
    }

    /// Looks at the folder and at each of its zone files once.
    func look() {
        guard let found = found() else { return }
        followed.withLock { followed in
            for (zone, known) in followed where found[zone] != known.path {
                followed[zone] = nil
                if found[zone] == nil {
                    zones.remove(zone)
                    Log.info("plugin/auto: \(zone) is no longer served: \(known.path) is gone")
                }
            }
            for (zone, path) in found.sorted(by: { $0.value < $1.value }) {
                if let known = followed[zone] {
                    known.file.readAgain()
                } else {
                    let file = FollowedZoneFile(
                        path, zones: [zone], plugin: AutoPlugin.directive, into: zones, readFile: files.octets)
                    followed[zone] = Followed(path: path, file: file)
                    file.readAgain()
                }
            }
        }
    }

    /// The file of each zone, of several the last by name; nil when the folder cannot be read.
    private func found() -> [Name: String]? {
        guard let paths = files.list(settings.folder) else {
            let isNews = isMissing.withLock { missing in
                defer { missing = true }
                return !missing
            }
            if isNews {
                Log.warning("plugin/auto: the folder \(settings.folder) cannot be read: its zones stay as they were")
            }
            return nil
        }
        isMissing.withLock { $0 = false }
        var found: [Name: String] = [:]
        for path in paths.sorted() {
            let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
            if let zone = settings.zone(of: name) { found[zone] = path }
        }
        return found
    }
}
