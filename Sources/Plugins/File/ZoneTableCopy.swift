import DNSServer
import DNSWire
import Snapshots
import ZoneData

/// One zone as one version of it has it, for transfer.
final class ZoneTableCopy: ZoneCopy {
    private let transfer: ZoneTransfer
    private let differences: [ZoneDifference]

    init(_ table: ZoneTable, _ differences: [ZoneDifference]) {
        transfer = ZoneTransfer(table)
        self.differences = differences
    }

    var serial: UInt32 { transfer.table.serial }
    func appendSOA(to response: inout MessageWriter) { transfer.appendSOA(to: &response) }
    func fill(_ response: inout MessageWriter) -> Bool { transfer.fill(&response) }

    func changes(since serial: UInt32) -> (any MessageSource)? {
        ZoneDifference.chain(differences, from: serial).map { Changes(ZoneDifferenceTransfer($0, to: transfer.table)) }
    }

    private final class Changes: MessageSource {
        private let transfer: ZoneDifferenceTransfer

        init(_ transfer: ZoneDifferenceTransfer) { self.transfer = transfer }

        func fill(_ response: inout MessageWriter) -> Bool { transfer.fill(&response) }
    }
}

/// Opens the zones of one plugin on one loop.
final class ZoneTableReader: ZoneReader {
    private let zones: ServedZones

    init(_ zones: ServedZones) { self.zones = zones }

    func open(_ name: ByteView) -> ZoneOpening {
        guard let zone = zones.published.value.first(where: { $0.origin == Name(name) }) else { return .notHere }
        guard let table = zone.table else { return .notReady }
        return .copy(ZoneTableCopy(table, zone.differences))
    }
}

/// A plugin whose zones are tables.
protocol ZoneTableSource: ZoneSource {
    var zones: ServedZones { get }
}

extension ZoneTableSource {
    package var copiedZones: [Name] { zones.origins }
    package func serial(of zone: Name) -> UInt32? { zones.table(of: zone)?.serial }
    package func makeZoneReader(on server: LoopServer) -> (any ZoneReader)? { ZoneTableReader(zones) }
    package func makeHandler(on server: LoopServer) -> (any Handler)? { ZoneTableHandler(zones) }
}
