package import DNSWire

/// One question for the cluster's records, and how its answer is to be written.
package struct ClusterQuestion: BitwiseCopyable {
    /// QNAME as sent, in wire form.
    package var name: ByteView
    /// The same name with letters folded; same length.
    package var folded: ByteView
    package var type: RecordType
    /// Where the name stands uncompressed in the response.
    package var nameOffset: Int
    /// Octets of the matched zone's wire form, a suffix of the name.
    package var zoneLength: Int
    package var zoneIsReverse: Bool
    /// Seconds.
    package var ttl: UInt32
    /// Which record comes first; not negative.
    package var rotation: Int
    /// The zone names services without a label `svc`, as those of `k8s_external` do.
    package var zoneIsExternal = false
    /// The zone names services of all clusters (KEP-1645).
    package var zoneIsMulticluster = false

    package init(
        name: ByteView, folded: ByteView, type: RecordType, nameOffset: Int, zoneLength: Int, zoneIsReverse: Bool,
        ttl: UInt32, rotation: Int
    ) {
        self.name = name
        self.folded = folded
        self.type = type
        self.nameOffset = nameOffset
        self.zoneLength = zoneLength
        self.zoneIsReverse = zoneIsReverse
        self.ttl = ttl
        self.rotation = rotation
    }

    /// Octets of the label between a service's namespace and the zone.
    var serviceLabelLength: Int { zoneIsExternal ? 0 : 4 }

    /// The matched zone's octets in the client's letter case.
    var zone: ByteView { name.suffix(from: name.count - zoneLength) }
}

/// What the cluster's records say to a question.
package enum ClusterAnswer: Equatable {
    /// Answer and additional records are written.
    case records
    /// A CNAME is written; its target stands uncompressed at that offset of the response.
    case alias(targetOffset: Int)
    /// The name exists without records of that type; nothing is written.
    case noData
    /// The name does not exist; nothing is written.
    case noSuchName
}
