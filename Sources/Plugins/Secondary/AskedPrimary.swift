import DNSServer
import DNSWire
import EventLoop
import ZoneData

/// A primary that is asked over TCP, so that nobody else can answer for it.
struct AskedPrimary: ZonePrimary {
    let address: SocketAddress
    var limits = TransferLimits()

    var description: String { "\(address)" }

    func timers(of origin: Name, until end: ContinuousClock.Instant) async throws -> ZoneTimers {
        let id = MessageID.random()
        let connection = try PrimaryConnection(address, limits, until: end)
        try await connection.send(PrimaryConnection.query(id, origin, .soa))
        guard let response = ReceivedRecords(try await connection.receive()), response.id == id, response.code == 0,
            let timers = response.answers.lazy.compactMap({ ZoneTimers($0) }).first
        else { throw PrimaryConnection.Failure(description: "no SOA of \(origin)") }
        return timers
    }

    func copy(of origin: Name, since known: ZoneTable?, until end: ContinuousClock.Instant) async throws -> ZoneVersion
    {
        let id = MessageID.random()
        let connection = try PrimaryConnection(address, limits, until: end)
        try await connection.send(
            PrimaryConnection.query(
                id, origin, known == nil ? .axfr : .ixfr, authority: known?.startOfAuthority.map { [$0] } ?? []))
        var zone = ReceivedZone(of: origin, id: id, since: known, most: limits.records)
        while true {
            switch try zone.take(try await connection.receive()) {
            // A primary that is never waited for does not keep others from their turn.
            case .more: await Task.yield()
            case .current(let timers):
                throw PrimaryConnection.Failure(description: "nothing newer than \(timers.serial)")
            case .whole(let table, let timers):
                return ZoneVersion(table: table, timers: timers, isIncremental: zone.isIncremental)
            }
        }
    }
}
