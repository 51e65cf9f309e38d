import DNSWire

extension ClusterName {
    /// What a name in a zone of `k8s_external` stands for: services are named there without a label `svc`.
    ///
    /// - Parameter apex: the label that the zone's name server `ns1` lives under, folded, without length octet.
    init(external question: ClusterQuestion, apex: ByteView) {
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
            switch labels.count {
            case 1: self = .serviceNamespace(labels[0])
            case 2: self = .service(labels.service(at: 0))
            case 3: self = .endpoint(labels[0], of: labels.service(at: 1))
            case 4: self = labels.port.map { .port($0, of: labels.service(at: 2)) } ?? .unknown
            default: self = .unknown
            }
        }
    }
}
