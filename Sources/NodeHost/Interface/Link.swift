import CNetlink
import DNSWire
import Glibc

/// An interface as the kernel says it is.
struct Link: Equatable {
    /// The kind of interface that this program makes.
    static let dummy = "dummy"

    let index: Int32
    let isUp: Bool
    /// Empty for hardware.
    let kind: String
    var addresses: Set<IPAddress> = []

    /// Of a message RTM_NEWLINK.
    init(_ message: NetlinkMessage) throws(NetlinkFault) {
        guard let index: Int32 = ByteOrder.machine.number(message.body.dropFirst(4)),
            let flags: UInt32 = ByteOrder.machine.number(message.body.dropFirst(8)), message.body.count >= 16
        else { throw .truncated }
        self.index = index
        isUp = flags & UInt32(IFF_UP) != 0
        kind = try AttributeList(message.body.dropFirst(16)).list(IFLA_LINKINFO).text(IFLA_INFO_KIND) ?? ""
    }

    init(index: Int32, isUp: Bool, kind: String, addresses: Set<IPAddress>) {
        self.index = index
        self.isUp = isUp
        self.kind = kind
        self.addresses = addresses
    }

    /// Takes the address of a message RTM_NEWADDR, if it is one of this interface.
    mutating func note(_ message: NetlinkMessage) throws(NetlinkFault) {
        guard message.body.count >= 8, let owner: Int32 = ByteOrder.machine.number(message.body.dropFirst(4)) else {
            throw .truncated
        }
        let attributes = try AttributeList(message.body.dropFirst(8))
        // Only links between two ends have both, and there the other is the peer's.
        guard owner == index, let octets = attributes[IFA_LOCAL] ?? attributes[IFA_ADDRESS],
            let address = IPAddress(octets: octets)
        else { return }
        addresses.insert(address)
    }
}
