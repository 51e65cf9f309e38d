import CNetlink
import DNSWire
import Glibc

/// The interface whose addresses the name server of the node is asked at: it leads nowhere, so they are the node's alone.
package struct LocalInterface: HostPart {
    private let requests: LinkRequests
    private let wanted: [IPAddress]

    package init(_ settings: HostSettings) {
        requests = LinkRequests(name: settings.interface)
        wanted = settings.addresses
    }

    package func findings() throws(HostError) -> [HostFinding] {
        var socket = try NetlinkSocket(.route, place: requests.place)
        return findings(try link(&socket))
    }

    /// What an interface lacks; what else it has is left as it is.
    func findings(_ link: Link?) -> [HostFinding] {
        guard let link else { return [HostFinding(requests.place, "missing")] }
        return (link.isUp ? [] : [HostFinding(requests.place, "down")])
            + missing(link).map { HostFinding(requests.place, "address \($0) missing") }
    }

    private func missing(_ link: Link) -> [IPAddress] { wanted.filter { !link.addresses.contains($0) } }

    package func putRight() throws(HostError) -> [HostFinding] {
        var socket = try NetlinkSocket(.route, place: requests.place)
        var found = try link(&socket)
        let findings = findings(found)
        if found == nil {
            // Another instance may make it at the same moment.
            try unlessItIs(EEXIST) { () throws(HostError) in try socket.perform(requests.make) }
            found = try link(&socket)
        }
        guard let found else {
            throw HostError(
                place: requests.place, call: "RTM_GETLINK", found: "nothing", expected: "the interface that was made")
        }
        if !found.isUp { try socket.perform(requests.raise(found.index)) }
        for address in missing(found) {
            try unlessItIs(EEXIST) { () throws(HostError) in try socket.perform(requests.add(address, to: found.index))
            }
        }
        return findings
    }

    package func remove() throws(HostError) -> [HostFinding] {
        var socket = try NetlinkSocket(.route, place: requests.place)
        guard let found = try link(&socket) else { return [] }
        guard found.kind != Link.dummy else {
            try unlessItIs(ENODEV) { () throws(HostError) in try socket.perform(requests.remove(found.index)) }
            return [HostFinding(requests.place, "removed")]
        }
        // Somebody else made it for these addresses, or it has another purpose.
        var findings: [HostFinding] = []
        for address in wanted where found.addresses.contains(address) {
            try unlessItIs(EADDRNOTAVAIL) { () throws(HostError) in
                try socket.perform(requests.take(address, from: found.index))
            }
            findings.append(HostFinding(requests.place, "address \(address) removed"))
        }
        return findings
    }

    /// The interface with its addresses; nil where there is none.
    private func link(_ socket: inout NetlinkSocket) throws(HostError) -> Link? {
        let request = requests.get
        var answers: [NetlinkMessage] = []
        try unlessItIs(ENODEV) { () throws(HostError) in answers = try socket.perform(request) }
        guard let answer = answers.first(where: { Int($0.type) == RTM_NEWLINK }) else { return nil }
        let addresses = try socket.list(requests.addresses)
        do throws(NetlinkFault) {
            var link = try Link(answer)
            for address in addresses where Int(address.type) == RTM_NEWADDR { try link.note(address) }
            return link
        } catch {
            throw HostError(error, call: request.name, place: request.place)
        }
    }

    /// Does something of which one error means that it is so already.
    private func unlessItIs(_ code: Int32, _ work: () throws(HostError) -> Void) throws(HostError) {
        do throws(HostError) { try work() } catch { if error.code != code { throw error } }
    }
}
