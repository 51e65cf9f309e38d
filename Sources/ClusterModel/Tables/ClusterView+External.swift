package import DNSWire

/// How a zone of `k8s_external` is answered.
package struct ExternalAnswering: BitwiseCopyable {
    /// The label that the zone's name server lives under, folded, without length octet.
    package let apex: ByteView
    /// Headless services and endpoint names are answered too.
    package let answersHeadless: Bool
    /// Where PTR records point into, in wire form.
    package let primaryZone: ByteView

    package init(apex: ByteView, answersHeadless: Bool, primaryZone: ByteView) {
        self.apex = apex
        self.answersHeadless = answersHeadless
        self.primaryZone = primaryZone
    }
}

extension ClusterView {
    /// Writes the records by which a service is reached from outside: `spec.externalIPs` and the ingress addresses or
    /// name of its load balancer, at `service.namespace` of the zone.
    package func answerExternal(
        _ question: ClusterQuestion, _ answering: ExternalAnswering, to response: inout MessageWriter
    ) -> ClusterAnswer {
        switch ClusterName(external: question, apex: answering.apex) {
        case .apex, .nameServer: return .ofServer
        case .nameServerParent: return .noData
        case .serviceNamespace(let label): return namespaceExists(label) ? .noData : .noSuchName
        case .service(let labels):
            if let entry = external(labels) { return answer(entry, nil, labels, question, to: &response) }
            guard answering.answersHeadless, let service = service(labels), service.kind == .headless,
                service.hasEndpoints
            else { return .noSuchName }
            return answerHeadless(service, nil, labels, question, to: &response)
        case .port(let filter, let labels):
            if let entry = external(labels) {
                guard entry.ports.matchCount(filter) > 0 else { return .noSuchName }
                return answer(entry, filter, labels, question, to: &response)
            }
            guard answering.answersHeadless, let service = service(labels), service.kind == .headless else {
                return .noSuchName
            }
            return answerPort(filter, of: service, labels, question, to: &response)
        case .endpoint(let label, let labels):
            // CoreDNS answers any label left of a service with external addresses like the service itself.
            if let entry = external(labels) { return answer(entry, nil, labels, question, to: &response) }
            guard answering.answersHeadless, let service = service(labels), service.kind != .externalName else {
                return .noSuchName
            }
            return answerEndpoint(label, of: service, labels, question, to: &response)
        case .address(let address):
            return answerExternalReverse(address, question, answering, to: &response)
        default: return .noSuchName
        }
    }

    private func external(_ labels: ServiceLabels) -> ExternalEntry? {
        guard namespaceExists(labels.namespace) else { return nil }
        let hash = KeyedTable.hash(labels.key, seed: seed)
        return external(hash).find(labels.key, hash: hash).map(ExternalEntry.init)
    }

    private func answer(
        _ entry: ExternalEntry, _ filter: PortFilter?, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        if question.type == .srv { return writeExternalServers(entry, filter, labels, question, to: &response) }
        guard entry.host.count == 0 else { return writeCNAME(to: entry.host, question, to: &response) }
        guard question.type == .a || question.type == .aaaa else { return .noData }
        return writeAddresses(entry.addresses(isIPv4: question.type == .a), question, to: &response)
    }

    /// One SRV record for each port, pointing to the service's own name or to that of its load balancer.
    private func writeExternalServers(
        _ entry: ExternalEntry, _ filter: PortFilter?, _ labels: ServiceLabels, _ question: ClusterQuestion,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        guard entry.host.count > 0 || labels.key.count + question.zoneLength <= 255 else { return .noData }
        let (v4, v6) = (entry.addresses(isIPv4: true), entry.addresses(isIPv4: false))
        return writeServers(entry.ports, filter, v4, v6, question, to: &response) { response in
            if entry.host.count > 0 {
                response.write(entry.host)
            } else {
                writeServiceName(labels.key, question, zone: question.zone, to: &response)
            }
        }
    }

    /// One PTR record for each service with that external address.
    private func answerExternalReverse(
        _ address: IPAddress, _ question: ClusterQuestion, _ answering: ExternalAnswering,
        to response: inout MessageWriter
    ) -> ClusterAnswer {
        let hash = AddressTable.hash(address, seed: seed)
        let table = externalReverse(hash)
        var found = ClusterAnswer.noSuchName
        var search = table.search(address, hash: hash)
        while let mark = table.next(&search) {
            let owners = external(mark.uint32(at: 0))
            var owner = owners.search(mark.uint32(at: 0))
            while let service = owners.next(&owner) {
                guard ExternalEntry(bytes: service.payload).contains(address), isVisible(service) else { continue }
                guard question.type == .ptr else { return .noData }
                found = writePointer(to: service.key, question, primaryZone: answering.primaryZone, to: &response)
                if response.isTruncated { return .records }
            }
        }
        return found
    }
}
