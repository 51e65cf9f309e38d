import DNSWire

/// What a name in a zone of `k8s_external` stands for, decided by its labels alone.
enum ExternalZoneName: BitwiseCopyable {
    case apex
    /// The label that the zone's name server lives under.
    case nameServerParent
    /// `ns1` below that label.
    case nameServer
    case namespace(ByteView)
    case service(ServiceLabels)
    case endpoint(ByteView, of: ServiceLabels)
    case port(PortFilter, of: ServiceLabels)
    /// A whole reverse name.
    case address(IPAddress)
    case unknown

    /// - Parameter apex: the label that the name server lives under, folded, without length octet.
    init(_ question: ClusterQuestion, apex: ByteView) {
        let name = question.folded
        guard question.zoneLength >= 1, question.zoneLength <= name.count, name.count == question.name.count else {
            self = .unknown
            return
        }
        let labels = LabelsBelowZone(name, zoneLength: question.zoneLength)
        if labels.count == 0 {
            self = .apex
        } else if question.zoneIsReverse {
            self = IPAddress(reverse: name).map { .address($0) } ?? .unknown
        } else if labels.count < 6, labels[labels.count - 1].equals(apex) {
            switch labels.count {
            case 1: self = .nameServerParent
            case 2: self = labels[0].spells("ns1") ? .nameServer : .unknown
            default: self = .unknown
            }
        } else {
            self = Self(service: labels)
        }
    }

    private init(service labels: LabelsBelowZone) {
        switch labels.count {
        case 1: self = .namespace(labels[0])
        case 2: self = .service(labels.service(at: 0))
        case 3: self = .endpoint(labels[0], of: labels.service(at: 1))
        case 4: self = labels.port.map { .port($0, of: labels.service(at: 2)) } ?? .unknown
        default: self = .unknown
        }
    }
}
