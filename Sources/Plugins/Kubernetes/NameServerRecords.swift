import ClusterModel
import DNSServer
import DNSWire

/// SOA and NS of a cluster's zone, and the addresses of its name server: what the server says about itself.
struct NameServerRecords {
    /// Addresses of this host that clients may reach.
    private let addresses: [IPAddress]
    /// The zone is one of `k8s_external`: clients come from outside.
    private let isExternal: Bool
    /// Labels of the zone's name server below the apex, wire form without a root; as of the mailbox in SOA.
    private let server: ByteBlock
    private let mailbox: ByteBlock

    private static let refresh: [UInt32] = [7200, 1800, 86400]
    private let serviceLabel = ByteBlock([3] + Array("svc".utf8))

    /// Of the zones of `kubernetes`: `ns.dns`, unless services in front have names of their own.
    init(addresses: [IPAddress]) {
        self.addresses = addresses
        isExternal = false
        server = ByteBlock([2] + Array("ns".utf8) + [3] + Array("dns".utf8))
        mailbox = ByteBlock([10] + Array("hostmaster".utf8))
    }

    /// Of the zones of `k8s_external`: `ns1` below `apex`.
    ///
    /// - Parameter apex: a label in wire form.
    init(external addresses: [IPAddress], apex: [UInt8]) {
        self.addresses = addresses
        isExternal = true
        server = ByteBlock([3] + Array("ns1".utf8) + apex)
        mailbox = ByteBlock([10] + Array("hostmaster".utf8) + apex)
    }

    /// Answers SOA and NS at the apex, and addresses of the name server; false when it has no such record.
    func answer(
        _ question: ClusterQuestion, view: ClusterView, serial: UInt32, _ exchange: inout Exchange
    ) -> Bool {
        let left = question.folded.count - question.zoneLength
        if left == 0 {
            switch question.type {
            case .soa: return appendSOA(question, serial: serial, in: .answer, to: &exchange.response)
            case .ns:
                appendNS(question, view, &exchange)
                return true
            default: return false
            }
        }
        guard question.type == .a || question.type == .aaaa, left == server.view.count,
            question.folded.slice(0, left).equals(server.view)
        else { return false }
        for address in ownAddresses(view) where address.isIPv4 == (question.type == .a) {
            append(address, owner: question.nameOffset, question.ttl, in: .answer, &exchange.response)
        }
        // Without an address of this family the name still exists: the general answer says NODATA.
        return exchange.response.answers > 0
    }

    /// Of the services in front of this server; of this host when there are none.
    private func ownAddresses(_ view: ClusterView) -> [IPAddress] {
        var seen: Set<IPAddress> = []
        let inFront = view.nameServers(behind: addresses)
            .flatMap { isExternal ? $0.externalAddresses : $0.addresses }
            .filter { seen.insert($0).inserted }
        return inFront.isEmpty ? addresses : inFront
    }

    // MARK: SOA

    /// - Returns: false when the record does not fit.
    @discardableResult
    func appendSOA(
        _ question: ClusterQuestion, serial: UInt32, in section: Section, to response: inout MessageWriter
    ) -> Bool {
        let zone = question.nameOffset + question.folded.count - question.zoneLength
        response.beginRecord(owner: zone, type: .soa, ttl: min(question.ttl, 300))
        writeName(server.view, zone, question, to: &response)
        writeName(mailbox.view, zone, question, to: &response)
        response.write(serial)
        for value in Self.refresh { response.write(value) }
        response.write(question.ttl)
        return response.endRecord(in: section)
    }

    private func writeName(
        _ labels: ByteView, _ zone: Int, _ question: ClusterQuestion, to response: inout MessageWriter
    ) {
        response.write(labels)
        if question.zoneLength > 1 { response.writePointer(to: zone) } else { response.write(UInt8(0)) }
    }

    // MARK: NS

    /// Only a zone of this cluster's services has their names.
    private func serversInFront(_ question: ClusterQuestion, _ view: ClusterView) -> [NameServerName] {
        isExternal || question.zoneIsReverse || question.zoneIsMulticluster ? [] : view.nameServers(behind: addresses)
    }

    /// The services in front of this server with their addresses; without one, the zone's own name server.
    private func appendNS(_ question: ClusterQuestion, _ view: ClusterView, _ exchange: inout Exchange) {
        let names = serversInFront(question, view)
        var glue: [(owner: Int, addresses: [IPAddress])] = []
        for name in names {
            let target = appendNS(question, &exchange) { response in
                withBytes(name.labels) { response.write($0) }
                writeName(serviceLabel.view, question.nameOffset, question, to: &response)
            }
            guard let target else { return }
            glue.append((target, name.addresses))
        }
        if names.isEmpty {
            let target = appendNS(question, &exchange) { response in
                writeName(server.view, question.nameOffset, question, to: &response)
            }
            guard let target else { return }
            glue.append((target, ownAddresses(view)))
        }
        for (owner, addresses) in glue {
            for address in addresses {
                append(address, owner: owner, question.ttl, in: .additional, &exchange.response)
            }
        }
    }

    /// - Returns: where the target stands; nil when it does not fit.
    private func appendNS(
        _ question: ClusterQuestion, _ exchange: inout Exchange, _ writeTarget: (inout MessageWriter) -> Void
    ) -> Int? {
        exchange.response.beginRecord(owner: question.nameOffset, type: .ns, ttl: question.ttl)
        let target = exchange.response.count
        writeTarget(&exchange.response)
        guard exchange.response.endRecord(in: .answer) else {
            exchange.response.truncate()
            return nil
        }
        return target
    }

    // MARK: Transfer

    /// What a copy of the zone holds of this server but SOA: NS, and the addresses of the zone's own name server.
    ///
    /// Those of the services in front are among the zone's other records.
    func appendToCopy(_ question: ClusterQuestion, _ view: ClusterView, _ response: inout MessageWriter) {
        let names = serversInFront(question, view)
        for labels in names.isEmpty ? [server.view.array] : names.map(\.labels) {
            response.beginRecord(owner: question.nameOffset, type: .ns, ttl: question.ttl)
            withBytes(labels) { response.write($0) }
            if !names.isEmpty { response.write(serviceLabel.view) }
            writeName(.empty, question.nameOffset, question, to: &response)
            _ = response.endRecord(in: .answer)
        }
        for address in ownAddresses(view) {
            response.beginRecord(type: address.isIPv4 ? .a : .aaaa, ttl: question.ttl) { owner in
                owner.write(server.view)
                owner.writePointer(to: question.nameOffset)
            }
            withBytes(address.octets) { response.write($0) }
            _ = response.endRecord(in: .answer)
        }
    }

    private func append(
        _ address: IPAddress, owner: Int, _ ttl: UInt32, in section: Section, _ response: inout MessageWriter
    ) {
        withBytes(address.octets) { octets in
            _ = response.appendRecord(
                owner: owner, type: address.isIPv4 ? .a : .aaaa, ttl: ttl, data: octets, in: section)
        }
    }
}
