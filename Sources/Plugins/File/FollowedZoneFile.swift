import DNSWire
import EventLoop
import Synchronization
import Telemetry
import ZoneData

/// Looks at a zone file every now and then, and serves what is new in it.
final class FollowedZoneFile: Sendable {
    let path: String
    let zones: [Name]
    /// Whose lines of the log these are.
    private let plugin: String
    private let ignoresSerial: Bool
    private let served: ServedZones
    private let readFile: @Sendable (String) throws -> [UInt8]
    private let seen: Mutex<Seen>

    private struct Seen {
        /// What the last look found; nil before the first.
        var contents: FileTrail.Contents?
        /// The zones that are served as this file has, or had, them.
        var zones: Set<Name> = []
    }

    /// - Parameter contents: what was read and is served already, or that nothing could be; left out for a file that was
    ///   not looked at yet.
    init(
        _ path: String, zones: [Name], contents: FileTrail.Contents? = nil, plugin: String,
        ignoresSerial: Bool = false, into served: ServedZones,
        readFile: @escaping @Sendable (String) throws -> [UInt8]
    ) {
        self.path = path
        self.zones = zones
        self.plugin = plugin
        self.ignoresSerial = ignoresSerial
        self.served = served
        self.readFile = readFile
        seen = Mutex(Seen(contents: contents, zones: contents == nil ? [] : Set(zones)))
    }

    /// Says what was found at start.
    func sayState(_ pause: Duration) {
        if isMissing { Log.warning("plugin/\(plugin): \(path) cannot be read: \(LookPauses.promise(pause))") }
        for zone in zones {
            if let table = served.table(of: zone) { warn(of: table) }
        }
    }

    /// Whether the last look found no file that can be read.
    private var isMissing: Bool { seen.withLock { $0.contents?.isMissing(path) ?? false } }

    func follow(every pause: Duration) async {
        await LookPauses.follow(every: pause, on: .zones) {
            self.isMissing
        } look: {
            self.readAgain()
        }
    }

    private func warn(of table: ZoneTable) {
        for warning in table.warnings { Log.warning("plugin/\(plugin): \(path): \(warning)") }
    }

    /// Takes over what is new in the file and in those that it includes; a file that is no zone, or has the serial it
    /// had, changes nothing.
    func readAgain() {
        if let known = seen.withLock({ $0.contents }), known.hold(readFile) { return }
        let trail = FileTrail(readFile)
        do {
            let octets = try trail.read(path)
            for zone in zones { take(octets, zone, trail) }
        } catch {
            for zone in zones { sayWhatIsLeft(of: zone, error) }
        }
        seen.withLock { $0.contents = trail.contents }
    }

    private func sayWhatIsLeft(of zone: Name, _ error: any Error) {
        let fate = served.table(of: zone) == nil ? "is not served" : "stays as it was"
        Log.error("plugin/\(plugin): \(error): the zone \(zone) \(fate)")
    }

    private func take(_ octets: [UInt8], _ zone: Name, _ trail: FileTrail) {
        do throws(ZoneFileError) {
            let table = try ZoneFile.table(octets, named: path, origin: zone, readFile: trail.read)
            // Serials of another file say nothing about this one.
            let isOwn = seen.withLock { !$0.zones.insert(zone).inserted }
            if isOwn, let old = served.table(of: zone), old.serial == table.serial, !ignoresSerial {
                return Log.warning(
                    "plugin/\(plugin): \(path) changed, but not the serial \(table.serial) of \(zone): "
                        + "the zone stays as it was"
                )
            }
            served.put(zone, table)
            Log.info("plugin/\(plugin): \(zone) is served from \(path) with serial \(table.serial)")
            warn(of: table)
        } catch {
            sayWhatIsLeft(of: zone, error)
        }
    }
}
