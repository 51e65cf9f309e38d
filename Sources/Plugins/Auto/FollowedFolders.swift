import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry
import ZoneData

/// Serves the zone files of the folders of a block: those that come, those that change, and no longer those that go.
///
/// Of several files of one zone the last counts: that of the later line, and in one folder the last by name.
final class FollowedFolders: Sendable {
    private let lines: [AutoSettings]
    private let zones: ServedZones
    private let files: FileAccess
    private let state: Mutex<State>

    private struct State {
        /// The files that each line's folder has; nil for a folder that could not be read yet.
        var found: [[Name: String]?]
        /// Lines whose folder could not be read at the last look.
        var missing: Set<Int> = []
        /// The files that zones are served from.
        var followed: [Name: FollowedZoneFile] = [:]

        /// Which of the files found counts for a zone.
        func path(of zone: Name) -> String? { found.lazy.reversed().compactMap { $0?[zone] }.first }
    }

    init(_ lines: [AutoSettings], into zones: ServedZones, _ files: FileAccess) {
        self.lines = lines
        self.zones = zones
        self.files = files
        state = Mutex(State(found: Array(repeating: nil, count: lines.count)))
    }

    func follow() async {
        await withTaskGroup(of: Void.self) { group in
            for (index, line) in lines.enumerated() where line.reload > .zero {
                group.addTask { [self] in
                    await LookPauses.follow(every: line.reload, on: .zones) {
                        self.isEmpty(index)
                    } look: {
                        self.look(at: index)
                    }
                }
            }
        }
    }

    /// Whether the last look at the folder of a line found no zone file, or no folder.
    private func isEmpty(_ index: Int) -> Bool {
        state.withLock { $0.missing.contains(index) || ($0.found[index] ?? [:]).isEmpty }
    }

    /// Looks at every folder once.
    func look() {
        zones.together {
            for index in lines.indices { look(at: index) }
        }
    }

    /// Looks at the folder of one line and at each of its zone files once.
    private func look(at index: Int) {
        zones.together {
            state.withLock { state in
                guard let found = found(at: index, &state) else { return }
                let before = state.found[index] ?? [:]
                state.found[index] = found
                for (zone, old) in before where found[zone] == nil {
                    guard state.followed[zone]?.path == old, state.path(of: zone) == nil else { continue }
                    state.followed[zone] = nil
                    zones.remove(zone)
                    Log.info("plugin/auto: \(zone) is no longer served: \(old) is gone")
                }
                for zone in Set(before.keys).union(found.keys) { follow(zone, &state) }
                let own = found.filter { zone, path in state.followed[zone]?.path == path }
                // Files of other folders, too, in the place of those that went.
                let others = before.keys.filter { found[$0] == nil }.compactMap { state.followed[$0] }
                for file in (own.keys.compactMap { state.followed[$0] } + others).sorted(by: { $0.path < $1.path }) {
                    file.readAgain()
                }
            }
        }
    }

    /// Follows the file that counts for a zone now, unless that is done already.
    private func follow(_ zone: Name, _ state: inout State) {
        guard let path = state.path(of: zone), state.followed[zone]?.path != path else { return }
        state.followed[zone] = FollowedZoneFile(
            path, zones: [zone], plugin: AutoPlugin.directive, into: zones, readFile: files.octets)
    }

    /// The file of each zone in the folder of a line; nil when the folder cannot be read.
    private func found(at index: Int, _ state: inout State) -> [Name: String]? {
        let folder = lines[index].folder
        guard let names = files.list(folder) else {
            if state.missing.insert(index).inserted {
                Log.warning("plugin/auto: the folder \(folder) cannot be read: its zones stay as they were")
            }
            return nil
        }
        state.missing.remove(index)
        var found: [Name: String] = [:]
        for name in names.sorted() where !isHidden(name) {
            if let zone = lines[index].zone(of: fileName(of: name)) { found[zone] = "\(folder)/\(name)" }
        }
        return found
    }

    private func fileName(of path: String) -> Substring {
        path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
    }

    /// Files whose name, or the name of a folder below the line's, begins with a dot: drafts, and copies that editors and
    /// file systems keep.
    private func isHidden(_ name: String) -> Bool { name.split(separator: "/").contains { $0.hasPrefix(".") } }

    // MARK: Reloading

    /// Serves as they were the zones of `other` whose files are broken now, or whose folder cannot be read.
    func adopt(_ other: FollowedFolders) {
        let known = other.state.withLock { $0.followed.mapValues(\.path) }
        zones.together {
            state.withLock { state in
                let unread = lines.indices.filter { state.found[$0] == nil }
                for (zone, path) in known where zones.table(of: zone) == nil {
                    guard let table = other.zones.table(of: zone) else { continue }
                    if state.followed[zone] == nil {
                        guard let index = unread.last(where: { has(zone, path, at: $0) }) else { continue }
                        var found = state.found[index] ?? [:]
                        found[zone] = path
                        state.found[index] = found
                        follow(zone, &state)
                    }
                    zones.put(zone, table)
                    Log.info("plugin/auto: \(zone) stays as it was, with serial \(table.serial)")
                }
            }
        }
    }

    /// Whether a file is where a line looks for it.
    private func has(_ zone: Name, _ path: String, at index: Int) -> Bool {
        path.hasPrefix(lines[index].folder + "/") && lines[index].zone(of: fileName(of: path)) == zone
    }
}
