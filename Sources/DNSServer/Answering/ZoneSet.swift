package import DNSWire

/// Zones of a plugin as one loop compares names with them.
package struct ZoneSet {
    private let zones: [ByteBlock]

    package init(_ names: some Sequence<Name>) { zones = names.map { ByteBlock($0.wire) } }

    /// True when one of the zones is `name` or above it.
    ///
    /// - Parameter name: folded wire form.
    package func contains(_ name: ByteView) -> Bool {
        for zone in zones where name.isSubdomain(of: zone.view) { return true }
        return false
    }
}
