import CNetlink
import DNSWire
import Glibc

/// Requests about one interface (rtnetlink(7)).
struct LinkRequests {
    let name: String
    var place: String { "interface \(name)" }

    /// Header of links: family, kind of hardware, index, flags, and which of the flags are meant.
    private func link(
        _ request: String, _ type: Int, _ flags: Int32, index: Int32, isUp: Bool,
        attributes: (inout AttributeWriter) -> Void = { _ in }
    ) -> NetlinkRequest {
        let up = isUp ? UInt32(IFF_UP) : 0
        var writer = AttributeWriter()
        attributes(&writer)
        let body =
            [0, 0, 0, 0] + ByteOrder.machine.octets(index) + ByteOrder.machine.octets(up)
            + ByteOrder.machine.octets(up) + writer.octets
        return NetlinkRequest(
            name: request, place: place, type: UInt16(truncatingIfNeeded: type), flags: flags, body: body)
    }

    var get: NetlinkRequest {
        link("RTM_GETLINK", RTM_GETLINK, 0, index: 0, isUp: false) { $0.put(IFLA_IFNAME, text: name) }
    }

    var make: NetlinkRequest {
        link("RTM_NEWLINK", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, index: 0, isUp: true) { writer in
            writer.put(IFLA_IFNAME, text: name)
            writer.nest(IFLA_LINKINFO) { $0.put(IFLA_INFO_KIND, text: Link.dummy) }
        }
    }

    func raise(_ index: Int32) -> NetlinkRequest {
        link("RTM_NEWLINK", RTM_NEWLINK, 0, index: index, isUp: true)
    }

    func remove(_ index: Int32) -> NetlinkRequest {
        link("RTM_DELLINK", RTM_DELLINK, 0, index: index, isUp: false)
    }

    /// All addresses of the node.
    var addresses: NetlinkRequest {
        NetlinkRequest(
            name: "RTM_GETADDR", place: place, type: UInt16(truncatingIfNeeded: RTM_GETADDR), flags: 0,
            body: [UInt8](repeating: 0, count: 8))
    }

    func add(_ address: IPAddress, to index: Int32) -> NetlinkRequest {
        self.address("RTM_NEWADDR", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, index)
    }

    func take(_ address: IPAddress, from index: Int32) -> NetlinkRequest {
        self.address("RTM_DELADDR", RTM_DELADDR, 0, address, index)
    }

    private func address(
        _ request: String, _ type: Int, _ flags: Int32, _ address: IPAddress, _ index: Int32
    ) -> NetlinkRequest {
        let family = UInt8(truncatingIfNeeded: address.isIPv4 ? AF_INET : AF_INET6)
        let length = UInt8(truncatingIfNeeded: address.octetCount * 8)
        // Nobody else has it on this link, which leads nowhere: no time is lost in asking.
        let addressFlags = address.isIPv4 ? 0 : UInt8(IFA_F_NODAD)
        var writer = AttributeWriter()
        writer.put(IFA_LOCAL, address.octets)
        writer.put(IFA_ADDRESS, address.octets)
        let body = [family, length, addressFlags, 0] + ByteOrder.machine.octets(index) + writer.octets
        return NetlinkRequest(
            name: request, place: "\(place), address \(address)", type: UInt16(truncatingIfNeeded: type), flags: flags,
            body: body)
    }
}
