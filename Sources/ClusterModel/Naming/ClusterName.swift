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
    case cname(targetOffset: Int)
    /// The zone's apex or its name server: the name exists, and what it has is the caller's to write.
    case ofServer
    /// The name exists without records of that type; nothing is written.
    case noData
    /// The name does not exist; nothing is written.
    case noSuchName
}

/// What a name in a cluster zone stands for, decided by its labels alone.
///
/// Views are labels without their length octet, or for `service` both labels in wire form.
package enum ClusterName: BitwiseCopyable {
    case apex
    /// `dns-version`.
    case schemaVersion
    /// `ns.dns`.
    case nameServer
    /// `dns`, which exists because `ns.dns` does.
    case nameServerParent
    /// `svc`.
    case serviceRoot
    /// `pod`.
    case podRoot
    case serviceNamespace(ByteView)
    case podNamespace(ByteView)
    case service(ServiceLabels)
    case endpoint(ByteView, of: ServiceLabels)
    case port(PortFilter, of: ServiceLabels)
    /// The endpoints of a service in a topology zone, whose labels are in wire form; empty for a name above such names.
    case zonal(ByteView, isPreference: Bool, of: ServiceLabels)
    case pod(ByteView, namespace: ByteView)
    /// A whole reverse name.
    case address(IPAddress)
    case unknown
}

/// The labels that name a service.
package struct ServiceLabels: BitwiseCopyable {
    /// Service and namespace in wire form, without a root.
    package let key: ByteView
    /// The key of its table entry: with the label `svc` for a service of all clusters.
    let tableKey: ByteView
    var isImport: Bool { tableKey.count > key.count }
    package let namespace: ByteView

    /// The service's own label, without its length octet.
    package var service: ByteView { key.slice(1, key.count - namespace.count - 2) }
}

extension ServiceLabels {
    /// The labels of a table's key; nil for what is none of a service, as keys with a topology zone.
    init?(tableKey: ByteView) {
        guard let first = tableKey.at(0), (1...63).contains(first), let second = tableKey.at(Int(first) + 1),
            (1...63).contains(second)
        else { return nil }
        let end = Int(first) + Int(second) + 2
        guard tableKey.count >= end, tableKey.count == end || tableKey.suffix(from: end).spells("\u{3}svc") else {
            return nil
        }
        self.init(
            key: tableKey.slice(0, end), tableKey: tableKey, namespace: tableKey.slice(Int(first) + 2, Int(second)))
    }
}

/// The port that `_name._transport` asks for; underscores are taken off.
package struct PortFilter: BitwiseCopyable {
    package let name: ByteView
    package let transport: Transport
}

/// A transport protocol that a port label can name.
package enum Transport: UInt8, BitwiseCopyable, Sendable {
    case tcp = 1
    case udp = 2
    case sctp = 3

    /// - Parameter text: folded octets.
    init?(_ text: ByteView) {
        switch (text.count, text.at(0), text.at(1), text.at(2), text.at(3)) {
        case (3, 0x74, 0x63, 0x70, _): self = .tcp
        case (3, 0x75, 0x64, 0x70, _): self = .udp
        case (4, 0x73, 0x63, 0x74, 0x70): self = .sctp
        default: return nil
        }
    }

    /// Kubernetes' spelling; an absent protocol means TCP.
    init?(_ text: String) {
        switch text.lowercased() {
        case "tcp", "": self = .tcp
        case "udp": self = .udp
        case "sctp": self = .sctp
        default: return nil
        }
    }
}

extension ClusterName {
    /// Reads a folded name whose last `zoneLength` octets are the zone.
    package init(_ question: ClusterQuestion) {
        let name = question.folded
        guard question.zoneLength >= 1, question.zoneLength <= name.count, name.count == question.name.count else {
            self = .unknown
            return
        }
        let labels = LabelsBelowZone(name, zoneLength: question.zoneLength)
        guard labels.count > 0 else {
            self = .apex
            return
        }
        if let common = Self(common: labels) {
            self = common
        } else if question.zoneIsReverse {
            self = IPAddress(reverse: name).map { .address($0) } ?? .unknown
        } else {
            self = Self(forward: labels, isMulticluster: question.zoneIsMulticluster)
        }
    }

    /// The names that every zone has.
    private init?(common labels: LabelsBelowZone) {
        if labels.count == 1, labels[0].spells("dns-version") {
            self = .schemaVersion
        } else if labels.count == 1, labels[0].spells("dns") {
            self = .nameServerParent
        } else if labels.count == 2, labels[0].spells("ns"), labels[1].spells("dns") {
            self = .nameServer
        } else {
            return nil
        }
    }

    private init(forward labels: LabelsBelowZone, isMulticluster: Bool) {
        // These may have more labels than are told apart by position.
        if !isMulticluster, let zonal = Self(zonal: labels) {
            self = zonal
            return
        }
        let last = labels[labels.count - 1]
        if last.spells("svc") {
            self = Self(service: labels, isImport: isMulticluster)
        } else if last.spells("pod") {
            switch labels.count {
            case 1: self = .podRoot
            case 2: self = .podNamespace(labels[0])
            case 3: self = .pod(labels[0], namespace: labels[1])
            default: self = .unknown
            }
        } else {
            self = .unknown
        }
    }

    /// Endpoints of a service of all clusters have the label of their cluster behind their own.
    private init(service labels: LabelsBelowZone, isImport: Bool) {
        switch labels.count {
        case 1: self = .serviceRoot
        case 2: self = .serviceNamespace(labels[0])
        case 3: self = .service(labels.service(at: 0, isImport: isImport))
        case 4:
            let label = isImport ? labels.wire(0, count: 1) : labels[0]
            self = .endpoint(label, of: labels.service(at: 1, isImport: isImport))
        case 5:
            let service = labels.service(at: 2, isImport: isImport)
            if isImport, !labels[0].isUnderscored, !labels[1].isUnderscored {
                self = .endpoint(labels.wire(0, count: 2), of: service)
            } else {
                self = labels.port.map { .port($0, of: service) } ?? .unknown
            }
        default: self = .unknown
        }
    }
}

extension ClusterName {
    /// `zone.pin._zone.service.namespace.svc`, and `prefer` in the place of `pin`; zones may have several labels.
    private init?(zonal labels: LabelsBelowZone) {
        guard labels.count >= 5, let (start, service) = labels.lastFive, labels.label(after: start).spells("_zone")
        else {
            return nil
        }
        let directive = labels.label(at: start)
        guard directive.spells("pin") || directive.spells("prefer") else { return nil }
        self = .zonal(labels.before(start), isPreference: directive.spells("prefer"), of: service)
    }
}

/// The labels of a name left of its zone, the first five of them by position.
struct LabelsBelowZone {
    private let name: ByteView
    private var starts = InlineArray<6, Int>(repeating: 0)
    /// Six stands for six and more: no name of a cluster zone has so many.
    private(set) var count = 0
    /// Where the zone starts.
    private let end: Int

    init(_ name: ByteView, zoneLength: Int) {
        self.name = name
        end = name.count - zoneLength
        var place = 0
        while place < end, count < 6 {
            starts[count] = place
            count += 1
            place += Int(name[place]) + 1
        }
    }

    /// The label without its length octet.
    subscript(index: Int) -> ByteView {
        let place = starts[index]
        return name.slice(place + 1, Int(name[place]))
    }

    /// The port that the first two labels name, with or without underscores; nil when they name none.
    var port: PortFilter? {
        let name = self[0].withoutUnderscore
        guard name.count > 0, let transport = Transport(self[1].withoutUnderscore) else { return nil }
        return PortFilter(name: name, transport: transport)
    }

    // MARK: The last five

    /// Where the fifth label from the right starts, and the service that the last three name; nil when they name none.
    var lastFive: (start: Int, service: ServiceLabels)? {
        var last = InlineArray<5, Int>(repeating: 0)
        var number = 0
        var place = 0
        while place < end {
            last[number % 5] = place
            number += 1
            place += Int(name[place]) + 1
        }
        let (service, svc) = (last[(number + 2) % 5], last[(number + 4) % 5])
        guard number >= 5, label(at: svc).spells("svc") else { return nil }
        let key = name.slice(service, svc - service)
        return (last[number % 5], ServiceLabels(key: key, tableKey: key, namespace: label(at: last[(number + 3) % 5])))
    }

    func label(at start: Int) -> ByteView { name.slice(start + 1, Int(name[start])) }
    func label(after start: Int) -> ByteView { label(at: start + Int(name[start]) + 1) }
    func before(_ start: Int) -> ByteView { name.slice(0, start) }

    /// Some labels together, in wire form.
    func wire(_ index: Int, count: Int) -> ByteView {
        var end = starts[index]
        for _ in 0..<count { end += Int(name[end]) + 1 }
        return name.slice(starts[index], end - starts[index])
    }

    /// - Parameter isImport: the label behind the namespace belongs to the key in tables.
    func service(at index: Int, isImport: Bool = false) -> ServiceLabels {
        let key = wire(index, count: 2)
        return ServiceLabels(
            key: key, tableKey: isImport ? wire(index, count: 3) : key, namespace: self[index + 1])
    }
}

extension ByteView {
    /// True when the octets are this ASCII text.
    func spells(_ text: StaticString) -> Bool { equals(.literal(text)) }

    /// The label without one leading underscore.
    var withoutUnderscore: ByteView { isUnderscored ? suffix(from: 1) : self }

    var isUnderscored: Bool { at(0) == UInt8(ascii: "_") }
}
