package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Snapshots
import Synchronization
import Telemetry

/// Answers from a hosts file and from lines of the Corefile.
package final class HostsPlugin: Plugin {
    package static let directive = "hosts"

    let settings: HostsSettings
    private let readFile: @Sendable (String) throws -> [UInt8]
    private let table: Published<HostsTable>
    /// The file as read last; nil when it could not be read.
    private let text: Mutex<String?>
    /// Unix seconds.
    private let readAt = Published(WallClock.secondsSince1970)
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let metrics: MetricRegistry

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try SettingsCheck.gather { HostsSettings(directives, zones: block.zones, &$0) }
        readFile = block.files.octets
        metrics = block.metrics
        let first = (try? block.files.octets(settings.path)).map { HostsText.text(of: $0) }
        text = Mutex(first)
        table = Published(Self.table(settings, first))
    }

    private static func table(_ settings: HostsSettings, _ text: String?) -> HostsTable {
        HostsTable(
            HostsText.pairs(in: text ?? "") + HostsText.pairs(in: settings.inline), zones: settings.zones,
            answersReverse: settings.answersReverse)
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { HostsHandler(settings, table) }

    /// A file that cannot be read now is as it was.
    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? HostsPlugin, predecessor.settings.path == settings.path,
            text.withLock({ $0 }) == nil, let known = predecessor.text.withLock({ $0 })
        else { return }
        text.withLock { $0 = known }
        table.publish(Self.table(settings, known))
    }

    package func start(_ environment: any PluginEnvironment) async {
        if isMissing {
            let next = settings.reload > .zero ? ": \(LookPauses.promise(settings.reload))" : ""
            Log.warning("plugin/hosts: \(settings.path) cannot be read\(next)")
        }
        metrics.reading(
            "coredns_hosts_entries", "The combined number of entries in hosts and Corefile.",
            [("hostsfile", settings.path)], of: table
        ) { Double($0.value.count) }
        metrics.reading(
            "coredns_hosts_reload_timestamp_seconds", "The timestamp of the last reload of hosts file.",
            of: readAt
        ) { $0.value }
        task.withLock { task in
            task = Task { [weak self, settings] in
                await LookPauses.follow(every: settings.reload, on: .files) { [weak self] in
                    self?.isMissing ?? false
                } look: { [weak self] in
                    self?.readAgain()
                }
            }
        }
    }

    /// Whether the file could never be read.
    private var isMissing: Bool { text.withLock { $0 } == nil }

    var current: HostsTable { table.value }

    package func stop() async { task.withLock { $0?.cancel() } }

    /// Takes over the file when it changed; one that cannot be read changes nothing.
    func readAgain() {
        guard let new = (try? readFile(settings.path)).map({ HostsText.text(of: $0) }) else { return }
        let isNew = text.withLock { text in
            defer { text = new }
            return text != new
        }
        guard isNew else { return }
        table.publish(Self.table(settings, new))
        readAt.publish(WallClock.secondsSince1970)
    }
}

/// Answers A, AAAA and PTR from the table.
final class HostsHandler: Handler {
    private let settings: HostsSettings
    private let zones: ZoneSet
    private let fallthroughZones: ZoneSet
    private var table: Subscription<HostsTable>

    init(_ settings: HostsSettings, _ table: Published<HostsTable>) {
        self.settings = settings
        zones = ZoneSet(settings.zones)
        fallthroughZones = ZoneSet(settings.fallthroughZones ?? [])
        self.table = Subscription(table)
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        table.refresh()
        let question = exchange.question
        let entry = table.value.find(question.folded)
        if question.type == .ptr {
            // Addresses have names whatever the zones are, and other plugins may know those that have none here.
            guard let entry, !entry.pointers.isEmpty else { return .next }
            return writePointers(entry.pointers, &exchange)
        }
        guard zones.contains(question.folded) else { return .next }
        let mayFallThrough = fallthroughZones.contains(question.folded)
        guard let entry else {
            if mayFallThrough { return .next }
            // Not NXDOMAIN: without an SOA nobody could tell for how long (RFC 2308 §3).
            return .failed(.serverFailure, because: "no such name in hosts, and no fallthrough")
        }
        switch question.type {
        case .a: return writeAddresses(entry.v4, &exchange)
        case .aaaa: return writeAddresses(entry.v6, &exchange)
        default:
            if settings.fallsThroughForTypes, mayFallThrough { return .next }
            exchange.isAuthoritative = true
            return .answered
        }
    }

    private func writeAddresses(_ octets: [UInt8], _ exchange: inout Exchange) -> Verdict {
        exchange.isAuthoritative = true
        let isWhole = withBytes(octets) { view in
            exchange.response.appendAddresses(
                owner: exchange.question.nameOffset, type: exchange.question.type, ttl: settings.ttl, addresses: view,
                rotation: exchange.style.rotation, in: .answer)
        }
        if !isWhole { exchange.response.truncate() }
        return .answered
    }

    private func writePointers(_ names: [[UInt8]], _ exchange: inout Exchange) -> Verdict {
        exchange.isAuthoritative = true
        for name in names {
            exchange.response.beginRecord(owner: exchange.question.nameOffset, type: .ptr, ttl: settings.ttl)
            withBytes(name) { exchange.response.writeName($0) }
            guard exchange.response.endRecord(in: .answer) else {
                exchange.response.truncate()
                break
            }
        }
        return .answered
    }
}
