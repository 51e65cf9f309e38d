import DNSWire
import Snapshots
import Synchronization
import ZoneData

/// A zone that a plugin answers from, as far as it is known.
struct ServedZone: Sendable {
    let origin: Name
    /// Nil while there is nothing to answer from.
    var table: ZoneTable?
    /// Zones whose unknown names go to the next plugin.
    var fallthroughZones: [Name] = []
    /// What led to this version, the oldest first.
    fileprivate(set) var differences: [ZoneDifference] = []

    /// How many versions others may be behind and still get the differences alone.
    private static let mostVersions = 20
    /// Records that all differences may have, beside a part of those of the zone: more are as well sent as a whole.
    private static let fewRecords = 100

    /// Takes the next version in; one that is the same changes nothing.
    fileprivate mutating func take(_ new: ZoneTable?) {
        if let old = table, let new, old.isSame(as: new) { return }
        defer { table = new }
        guard let old = table, let new, ZoneTimers.isNewer(new.serial, than: old.serial) else {
            return differences = []
        }
        let most = max(Self.fewRecords, new.recordCount / 2)
        guard let difference = ZoneDifference(from: old, to: new, most: most) else { return differences = [] }
        differences.append(difference)
        var count = differences.reduce(0) { $0 + $1.records.count }
        while differences.count > Self.mostVersions || count > most + 2 * differences.count {
            count -= differences.removeFirst().records.count
        }
    }
}

/// The zones of one plugin, replaced whole and read by every loop.
final class ServedZones: Sendable {
    let published: Published<[ServedZone]>
    /// Held while a new state is made of the last.
    private let changing: Mutex<Changing>
    /// What `changing` has, for those who must not wait for it.
    private let tables: Mutex<[Name: ZoneTable]>

    private struct Changing {
        var zones: [Name: ServedZone]
        /// How many hold back what changes.
        var holders = 0
        var isUnpublished = false
    }

    /// Of several with one origin the last counts.
    init(_ zones: [ServedZone]) {
        let byName = Dictionary(zones.map { ($0.origin, $0) }, uniquingKeysWith: { _, last in last })
        published = Published(Self.ordered(byName))
        changing = Mutex(Changing(zones: byName))
        tables = Mutex(byName.compactMapValues(\.table))
    }

    var origins: [Name] { published.value.map(\.origin) }

    func table(of origin: Name) -> ZoneTable? { tables.withLock { $0[origin] } }

    /// Publishes what `body` puts and removes at its end: making the list anew for each of many zones takes too long.
    func together(_ body: () -> Void) {
        changing.withLock { $0.holders += 1 }
        body()
        changing.withLock { changing in
            changing.holders -= 1
            if changing.isUnpublished { publish(&changing) }
        }
    }

    /// Serves `table` in the place of what its zone had before, if it was there.
    func put(_ origin: Name, _ table: ZoneTable?) {
        changing.withLock { changing in
            changing.zones[origin, default: ServedZone(origin: origin)].take(table)
            tables.withLock { $0[origin] = table }
            publish(&changing)
        }
    }

    /// Goes on from what `other` has of the zones that both have; what was read of them meanwhile is the next version.
    func adopt(_ other: ServedZones) {
        let old = other.changing.withLock { $0.zones }
        changing.withLock { changing in
            for (origin, zone) in changing.zones {
                guard let before = old[origin] else { continue }
                var kept = zone
                (kept.table, kept.differences) = (before.table, before.differences)
                if let read = zone.table { kept.take(read) }
                changing.zones[origin] = kept
                tables.withLock { $0[origin] = kept.table }
            }
            publish(&changing)
        }
    }

    func remove(_ origin: Name) {
        changing.withLock { changing in
            changing.zones[origin] = nil
            tables.withLock { $0[origin] = nil }
            publish(&changing)
        }
    }

    private func publish(_ changing: inout Changing) {
        changing.isUnpublished = changing.holders > 0
        if !changing.isUnpublished { published.publish(Self.ordered(changing.zones)) }
    }

    /// Zones below others first, so that the first one above a name is the longest.
    private static func ordered(_ zones: [Name: ServedZone]) -> [ServedZone] {
        zones.values.sorted { $0.origin.wire.count > $1.origin.wire.count }
    }
}
