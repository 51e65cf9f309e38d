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
    private let changing = Mutex(())

    /// Of several with one origin the last counts.
    init(_ zones: [ServedZone]) { published = Published(Self.ordered(zones)) }

    var origins: [Name] { published.value.map(\.origin) }

    func table(of origin: Name) -> ZoneTable? { published.value.first { $0.origin == origin }?.table }

    /// Serves `table` in the place of what its zone had before, if it was there.
    func put(_ origin: Name, _ table: ZoneTable?) {
        changing.withLock { _ in
            var zones = published.value
            if let index = zones.firstIndex(where: { $0.origin == origin }) {
                zones[index].take(table)
                published.publish(zones)
            } else {
                published.publish(Self.ordered(zones + [ServedZone(origin: origin, table: table)]))
            }
        }
    }

    /// Goes on from what `other` has of the zones that both have; what was read of them meanwhile is the next version.
    func adopt(_ other: ServedZones) {
        let old = Dictionary(other.published.value.map { ($0.origin, $0) }) { first, _ in first }
        changing.withLock { _ in
            published.publish(
                published.value.map { zone in
                    guard let before = old[zone.origin] else { return zone }
                    var kept = zone
                    (kept.table, kept.differences) = (before.table, before.differences)
                    if let read = zone.table { kept.take(read) }
                    return kept
                })
        }
    }

    func remove(_ origin: Name) {
        changing.withLock { _ in published.publish(published.value.filter { $0.origin != origin }) }
    }

    /// Zones below others first, so that the first one above a name is the longest.
    private static func ordered(_ zones: [ServedZone]) -> [ServedZone] {
        var seen: Set<Name> = []
        return zones.reversed().filter { seen.insert($0.origin).inserted }
            .sorted { $0.origin.wire.count > $1.origin.wire.count }
    }
}
