package import Corefile
package import DNSServer
import EventLoop
import Synchronization

/// Signs zone files, and renews their signatures in time; `file` and `auto` serve what it writes.
package final class SignPlugin: Plugin {
    package static let directive = "sign"

    private let zones: [SignedZoneFile]
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Between two looks at the files; signatures are renewed days before they must be.
    private static let pause = Duration.seconds(60)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        let lines = try SettingsCheck.gather { check in
            directives.map { SignSettings($0, in: block, &check) }
        }
        zones = lines.flatMap { line in line.zones.map { SignedZoneFile(line, $0, block.files) } }
    }

    package func start(_ environment: any PluginEnvironment) async {
        let zones = zones
        task.withLock { task in
            task = Task {
                var seen = [FileTrail.Contents?](repeating: nil, count: zones.count)
                repeat {
                    for (index, zone) in zones.enumerated() where !Task.isCancelled {
                        let last = seen[index]
                        seen[index] = await WorkThread.zones.run {
                            zone.refresh(
                                now: UInt32(truncatingIfNeeded: WallClock.nanoseconds / 1_000_000_000), last: last)
                        }
                    }
                } while (try? await Task.sleep(for: Self.pause)) != nil
            }
        }
    }

    package func stop() async { task.withLock { $0 }?.cancel() }
}
