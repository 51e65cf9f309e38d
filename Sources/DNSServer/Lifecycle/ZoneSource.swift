package import DNSWire

/// A plugin that holds whole zones, which other servers may copy (RFC 5936).
package protocol ZoneSource: Plugin {
    /// The zones it can give away.
    var copiedZones: [Name] { get }

    /// The serial of one of these zones now; nil while there is nothing to copy.
    func serial(of zone: Name) -> UInt32?

    /// One loop's way to the zones; nil before the plugin is started.
    func makeZoneReader(on server: LoopServer) -> (any ZoneReader)?
}

/// Opens zones for copying on one loop.
package protocol ZoneReader: AnyObject {
    /// - Parameter name: folded wire form.
    func open(_ name: ByteView) -> ZoneOpening
}

package enum ZoneOpening {
    /// The name is no zone of this plugin.
    case notHere
    /// The zone's records are not known yet.
    case notReady
    case copy(any ZoneCopy)
}

/// A zone as it is at one moment: as a source of messages, all of it, from SOA to SOA.
package protocol ZoneCopy: MessageSource {
    var serial: UInt32 { get }

    /// Writes the SOA record alone.
    func appendSOA(to response: inout MessageWriter)

    /// The messages that lead from the version with this serial to this one (RFC 1995 §4); nil when that is not known.
    func changes(since serial: UInt32) -> (any MessageSource)?
}

extension ZoneCopy {
    package func changes(since serial: UInt32) -> (any MessageSource)? { nil }
}
