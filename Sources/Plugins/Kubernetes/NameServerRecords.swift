import ClusterModel
import DNSServer
import DNSWire

/// SOA and NS of the cluster's zones, and the addresses of `ns.dns`: what the server says about itself.
struct NameServerRecords {
    /// Addresses of this host that clients may reach.
    let addresses: [IPAddress]

    private static let refresh: [UInt32] = [7200, 1800, 86400]
    private let nsLabels = ByteBlock([2] + Array("ns".utf8) + [3] + Array("dns".utf8))
    private let hostmasterLabel = ByteBlock([10] + Array("hostmaster".utf8))
    private let serviceLabel = ByteBlock([3] + Array("svc".utf8))

    init(addresses: [IPAddress]) { self.addresses = addresses }

    /// Answers SOA and NS at the apex, and addresses of `ns.dns`; false for every other question.
    func answer(
        _ question: ClusterQuestion, view: ClusterView, primaryZone: ByteView, serial: UInt32, _ exchange: inout Exchange
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
        guard question.type == .a || question.type == .aaaa, left == nsLabels.view.count,
            question.folded.slice(0, left).equals(nsLabels.view)
        else { return false }
        let isIPv4 = question.type == .a
        for address in addresses where address.isIPv4 == isIPv4 {
            append(address, owner: question.nameOffset, question.ttl, in: .answer, &exchange.response)
        }
        // Without an address of this family the name still exists: the general answer says NODATA.
        return exchange.response.answers > 0 && addresses.contains { $0.isIPv4 == isIPv4 }
    }

    /// - Returns: false when the record does not fit.
    @discardableResult
    func appendSOA(
        _ question: ClusterQuestion, serial: UInt32, in section: Section, to response: inout MessageWriter
    ) -> Bool {
        let zone = question.nameOffset + question.folded.count - question.zoneLength
        response.beginRecord(owner: zone, type: .soa, ttl: min(question.ttl, 300))
        writeName(nsLabels.view, zone, question, to: &response)
        writeName(hostmasterLabel.view, zone, question, to: &response)
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

    /// `ns.dns` of the zone, with the addresses of this host.
    private func appendNS(_ question: ClusterQuestion, _ view: ClusterView, _ exchange: inout Exchange) {
        let zone = question.nameOffset
        exchange.response.beginRecord(owner: zone, type: .ns, ttl: question.ttl)
        let target = exchange.response.count
        writeName(nsLabels.view, zone, question, to: &exchange.response)
        guard exchange.response.endRecord(in: .answer) else { return exchange.response.truncate() }
        for address in addresses {
            append(address, owner: target, question.ttl, in: .additional, &exchange.response)
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
