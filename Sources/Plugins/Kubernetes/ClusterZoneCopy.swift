import ClusterModel
import ClusterSource
package import DNSServer
package import DNSWire
import Snapshots
import Synchronization

/// One zone of the cluster as one snapshot has it, for transfer.
final class ClusterZoneCopy: ZoneCopy {
    /// Octets of a message: compression pointers reach no further.
    private static let messageSize = 0x3FFF

    private let snapshot: ClusterSnapshot
    private let nameServer: NameServerRecords
    private let zone: ByteBlock
    private let isReverse: Bool
    private let isMulticluster: Bool
    private let ttl: UInt32
    private let walk: ZoneWalk
    private var isBegun = false
    private var isWalked = false

    init(_ zone: Name, _ settings: KubernetesSettings, _ snapshot: ClusterSnapshot, _ nameServer: NameServerRecords) {
        self.snapshot = snapshot
        self.nameServer = nameServer
        self.zone = ByteBlock(zone.wire)
        isReverse = zone.isReverse
        isMulticluster = settings.multiclusterZones.contains(zone)
        ttl = settings.ttl
        walk = ZoneWalk(
            snapshot, zone: zone, isMulticluster: isMulticluster, primaryZone: settings.primaryZone, ttl: settings.ttl)
    }

    var serial: UInt32 { snapshot.serial }

    /// The question as each message repeats it: the zone stands at its start.
    private var question: ClusterQuestion {
        var question = ClusterQuestion(
            name: zone.view, folded: zone.view, type: .soa, nameOffset: 12, zoneLength: zone.view.count,
            zoneIsReverse: isReverse, ttl: ttl, rotation: 0)
        question.zoneIsMulticluster = isMulticluster
        return question
    }

    func appendSOA(to response: inout MessageWriter) {
        nameServer.appendSOA(question, serial: serial, in: .answer, to: &response)
    }

    func fill(_ response: inout MessageWriter) -> Bool {
        response.limit(to: Self.messageSize)
        if !isBegun {
            isBegun = true
            appendSOA(to: &response)
            nameServer.appendToCopy(question, snapshot.view, &response)
        }
        if !isWalked {
            guard walk.append(to: &response) else { return true }
            isWalked = true
        }
        return !nameServer.appendSOA(question, serial: serial, in: .answer, to: &response)
    }
}

/// Opens the zones of one `kubernetes` line on one loop.
final class ClusterZoneReader: ZoneReader {
    private let zones: [(wire: ByteBlock, name: Name)]
    private let settings: KubernetesSettings
    private let published: Published<ClusterSnapshot>
    private let state: FollowState
    private let nameServer: NameServerRecords

    init(_ settings: KubernetesSettings, _ published: Published<ClusterSnapshot>, _ state: FollowState) {
        zones = settings.zones.map { (ByteBlock($0.wire), $0) }
        self.settings = settings
        self.published = published
        self.state = state
        nameServer = NameServerRecords(addresses: state.localAddresses)
    }

    func open(_ name: ByteView) -> ZoneOpening {
        guard let zone = zones.first(where: { $0.wire.view.equals(name) }) else { return .notHere }
        guard state.isSynced else { return .notReady }
        return .copy(ClusterZoneCopy(zone.name, settings, published.value, nameServer))
    }
}

extension KubernetesPlugin: ZoneSource {
    package var copiedZones: [Name] { settings.zones }

    package func serial(of zone: Name) -> UInt32? {
        guard let following = following.withLock({ $0 }), following.state.isSynced else { return nil }
        return following.published.value.serial
    }

    package func makeZoneReader(on server: LoopServer) -> (any ZoneReader)? {
        guard let following = following.withLock({ $0 }) else { return nil }
        return ClusterZoneReader(settings, following.published, following.state)
    }
}
