package import Corefile
package import DNSServer
import DNSWire
import Synchronization
import ZoneData

/// Answers from zone files.
package final class FilePlugin: Plugin, ZoneTableSource {
    package static let directive = "file"

    let zones: ServedZones
    /// Each with the time between two looks at it.
    private let files: [(file: FollowedZoneFile, pause: Duration)]
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        let read = try SettingsCheck.gather { check in
            directives.map { directive in
                let settings = FileSettings(directive, zones: block.zones, &check)
                var tables: [Name: ZoneTable] = [:]
                let trail = FileTrail(block.files.octets)
                if !settings.path.isEmpty, let octets = try? trail.read(settings.path) {
                    for zone in settings.zones {
                        do throws(ZoneFileError) {
                            tables[zone] = try ZoneFile.table(
                                octets, named: settings.path, origin: zone, readFile: trail.read)
                        } catch {
                            check.report(directive.error(found: error.description, expected: "a zone file"))
                        }
                    }
                } else if settings.reload == .zero, !settings.path.isEmpty {
                    check.report(
                        directive.error(found: "\(settings.path), which cannot be read", expected: "a zone file"))
                }
                return (settings, trail.contents, tables)
            }
        }
        let zones = ServedZones(
            read.flatMap { settings, _, tables in
                settings.zones.map {
                    ServedZone(origin: $0, table: tables[$0], fallthroughZones: settings.fallthroughZones ?? [])
                }
            })
        self.zones = zones
        files = read.map { settings, contents, _ in
            let file = FollowedZoneFile(
                settings.path, zones: settings.zones, contents: contents, plugin: Self.directive,
                ignoresSerial: settings.ignoresSerial, into: zones, readFile: block.files.octets)
            return (file, settings.reload)
        }
    }

    /// Zones that both have go on, also those whose files cannot be read now, and what led to their versions.
    package func adopt(_ predecessor: any Plugin) {
        if let predecessor = predecessor as? FilePlugin { zones.adopt(predecessor.zones) }
    }

    package func start(_ environment: any PluginEnvironment) async {
        for (file, pause) in files { file.sayState(pause) }
        let files = files
        task.withLock { task in
            task = Task {
                await withTaskGroup(of: Void.self) { group in
                    for (file, pause) in files { group.addTask { await file.follow(every: pause) } }
                }
            }
        }
    }

    package func stop() async { task.withLock { $0 }?.cancel() }

    /// Looks at every file once.
    func readAgain() { for (file, _) in files { file.readAgain() } }
}
