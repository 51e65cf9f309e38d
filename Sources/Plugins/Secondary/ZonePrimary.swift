import DNSWire
import ZoneData

/// Who has the original of a zone, or another copy.
protocol ZonePrimary: Sendable, CustomStringConvertible {
    /// The numbers of the version that it has now.
    ///
    /// - Parameter end: when the answer must be there.
    func timers(of origin: Name, until end: ContinuousClock.Instant) async throws -> ZoneTimers

    /// Its version: the whole of it, or made of `known` by what it says has changed since.
    ///
    /// - Parameter end: when all of it must be there.
    func copy(of origin: Name, since known: ZoneTable?, until end: ContinuousClock.Instant) async throws -> ZoneVersion
}

/// A zone as a primary has given it.
struct ZoneVersion: Sendable {
    let table: ZoneTable
    let timers: ZoneTimers
    /// Whether only what changed was sent.
    var isIncremental = false
}
