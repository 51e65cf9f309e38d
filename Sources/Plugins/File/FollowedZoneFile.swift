import DNSWire
import Synchronization
import Telemetry
import ZoneData

/// Looks at a zone file every now and then, and serves what is new in it.
final class FollowedZoneFile: Sendable {
    private let path: String
    private let zones: [Name]
    /// Whose lines of the log these are.
    private let plugin: String
    private let ignoresSerial: Bool
    private let served: ServedZones
    private let readFile: @Sendable (String) throws -> String
    private let seen: Mutex<Seen>

    /// What the last look found.
    private enum Seen: Equatable {
        case nothing
        case unreadable
        case text(hash: Int)

        init(_ text: String?) { self = text.map { .text(hash: $0.hashValue) } ?? .unreadable }
    }

    /// - Parameter text: what was read and is served already, or that nothing could be; left out for a file that was
    ///   not looked at yet.
    init(
        _ path: String, zones: [Name], text: String?? = .none, plugin: String, ignoresSerial: Bool = false,
        into served: ServedZones, readFile: @escaping @Sendable (String) throws -> String
    ) {
        self.path = path
        self.zones = zones
        self.plugin = plugin
        self.ignoresSerial = ignoresSerial
        self.served = served
        self.readFile = readFile
        seen = Mutex(text.map(Seen.init) ?? .nothing)
    }

    /// Says what was found at start.
    func sayState(_ pause: Duration) {
        if seen.withLock({ $0 }) == .unreadable {
            Log.warning("plugin/\(plugin): \(path) cannot be read: trying again every \(pause)")
        }
        for zone in zones {
            if let table = served.table(of: zone) { warn(of: table) }
        }
    }

    func follow(every pause: Duration) async {
        guard pause > .zero else { return }
        while (try? await Task.sleep(for: pause)) != nil { readAgain() }
    }

    private func warn(of table: ZoneTable) {
        for warning in table.warnings { Log.warning("plugin/\(plugin): \(path): \(warning)") }
    }

    /// Takes over what is new; a file that is no zone, or has the serial it had, changes nothing.
    func readAgain() {
        let reading = Result { try readFile(path) }
        let found = Seen(try? reading.get())
        let isNew = seen.withLock { seen in
            defer { seen = found }
            return seen != found
        }
        guard isNew else { return }
        switch reading {
        case .success(let text): for zone in zones { take(text, zone) }
        case .failure(let error): for zone in zones { sayWhatIsLeft(of: zone, error) }
        }
    }

    private func sayWhatIsLeft(of zone: Name, _ error: any Error) {
        let fate = served.table(of: zone) == nil ? "is not served" : "stays as it was"
        Log.error("plugin/\(plugin): \(error): the zone \(zone) \(fate)")
    }

    private func take(_ text: String, _ zone: Name) {
        do throws(ZoneFileError) {
            let table = try ZoneFile.table(text, named: path, origin: zone, readFile: readFile)
            if let old = served.table(of: zone), old.serial == table.serial, !ignoresSerial {
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
