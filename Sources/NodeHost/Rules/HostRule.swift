import CNetlink
import DNSWire

/// What packets of one of the node's own addresses are exempt from.
struct HostRule: Equatable {
    enum Direction { case to, from }
    enum Transport { case udp, tcp }

    let transport: Transport
    let direction: Direction
    let address: IPAddress
    let port: UInt16

    /// As the kernel holds it.
    ///
    /// - Parameter family: of the table; one for both families has to ask for the packet's.
    func expressions(in family: UInt8, ending: RuleExpression) -> [RuleExpression] {
        let isDual = Int(family) == NFPROTO_INET
        let version = UInt8(address.isIPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6)
        let isTo = direction == .to
        // Source and destination in the headers of IPv4, IPv6, and of both transports.
        let addressOffset: UInt32 = address.isIPv4 ? (isTo ? 16 : 12) : (isTo ? 24 : 8)
        return (isDual ? [.meta(key: NFT_META_NFPROTO.rawValue), .equals([version])] : []) + [
            .payload(
                base: NFT_PAYLOAD_NETWORK_HEADER.rawValue, offset: addressOffset, length: UInt32(address.octetCount)),
            .equals(address.octets),
            .meta(key: NFT_META_L4PROTO.rawValue), .equals([transport == .udp ? 17 : 6]),
            .payload(base: NFT_PAYLOAD_TRANSPORT_HEADER.rawValue, offset: isTo ? 2 : 0, length: 2),
            .equals(ByteOrder.network.octets(port)), ending,
        ]
    }
}

extension HostSettings {
    private func both(_ direction: HostRule.Direction) -> [HostRule] {
        addresses.flatMap { address in
            [HostRule.Transport.udp, .tcp].map {
                HostRule(transport: $0, direction: direction, address: address, port: port)
            }
        }
    }

    /// Questions, from pods and from other hosts.
    var incoming: [HostRule] { both(.to) }

    /// Answers.
    var outgoing: [HostRule] { both(.from) }

    /// What the node sends without connection tracking: answers, questions of its own, and both ways of the kubelet's probe.
    var untrackedOutgoing: [HostRule] {
        outgoing + both(.to)
            + addresses.flatMap { address in
                (healthPort.map { [$0] } ?? []).flatMap { port in
                    [HostRule.Direction.to, .from].map {
                        HostRule(transport: .tcp, direction: $0, address: address, port: port)
                    }
                }
            }
    }
}
