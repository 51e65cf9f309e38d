import DNSWire
import Synchronization
import Telemetry
import ZoneData

/// Looks at a zone file every now and then, and serves what is new in it.
final class FollowedZoneFile: Sendable {
    private let settings: FileSettings
    private let zones: ServedZones
    private let readFile: @Sendable (String) throws -> String
    /// A hash of the text looked at last; nil when it could not be read.
    private let seen: Mutex<Int?>

    init(
        _ settings: FileSettings, text: String?, into zones: ServedZones,
        readFile: @escaping @Sendable (String) throws -> String
    ) {
        self.settings = settings
        self.zones = zones
        self.readFile = readFile
        seen = Mutex(text?.hashValue)
    }

    /// Says what was found at start.
    func sayState() {
        if seen.withLock({ $0 }) == nil {
            Log.warning("plugin/file: \(settings.path) cannot be read: trying again every \(settings.reload)")
        }
        for zone in settings.zones {
            for warning in zones.table(of: zone)?.warnings ?? [] {
                Log.warning("plugin/file: \(settings.path): \(warning)")
            }
        }
    }

    func follow() async {
        guard settings.reload > .zero else { return }
        while !Task.isCancelled {
            try? await Task.sleep(for: settings.reload)
            guard !Task.isCancelled else { return }
            readAgain()
        }
    }

    /// Takes over what is new; a file that is no zone, or has the serial it had, changes nothing.
    func readAgain() {
        let text = try? readFile(settings.path)
        let hash = text?.hashValue
        let isNew = seen.withLock { seen in
            defer { seen = hash }
            return seen != hash
        }
        guard isNew else { return }
        guard let text else {
            return Log.error("plugin/file: \(settings.path) cannot be read: its zones stay as they were")
        }
        for zone in settings.zones { take(text, zone) }
    }

    private func take(_ text: String, _ zone: Name) {
        do throws(ZoneFileError) {
            let table = try ZoneFile.table(text, named: settings.path, origin: zone, readFile: readFile)
            if let old = zones.table(of: zone), old.serial == table.serial, !settings.ignoresSerial {
                return Log.warning(
                    "plugin/file: \(settings.path) changed, but not the serial \(table.serial) of \(zone): "
                        + "the zone stays as it was"
                )
            }
            zones.replace(zone, by: table)
            Log.info("plugin/file: \(zone) is served from \(settings.path) with serial \(table.serial)")
            for warning in table.warnings { Log.warning("plugin/file: \(settings.path): \(warning)") }
        } catch {
            Log.error("plugin/file: \(error): the zone \(zone) stays as it was")
        }
    }
}
