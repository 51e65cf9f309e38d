import CNetlink
import Glibc

/// Why the node's network is not as it should be: what was asked of the kernel, where, what it said, what to do.
package struct HostError: Error, Equatable, CustomStringConvertible {
    /// What of the node is concerned, such as `interface nodelocaldns`.
    package let place: String
    /// The system call or the netlink request.
    package let call: String
    package let found: String
    package let expected: String
    /// The number of the kernel's error; nil where it is none of the kernel's.
    package var code: Int32?

    package var description: String { "\(place): \(call): found \(found), expected \(expected)" }
}

extension HostError {
    /// The kernel's answer could not be read.
    init(_ fault: NetlinkFault, call: String, place: String) {
        self.init(place: place, call: call, found: "an answer that \(fault)", expected: "netlink messages")
    }

    /// The kernel refused.
    ///
    /// - Parameter words: its own, where it gave any.
    init(code: Int32, call: String, place: String, words: String? = nil) {
        let reason = unsafe String(cString: strerror(code))
        self.init(
            place: place, call: call, found: words.map { "\(reason) (\($0))" } ?? reason,
            expected: Self.remedy(code, call), code: code)
    }

    private static func remedy(_ code: Int32, _ call: String) -> String {
        let isOfRules = call.hasPrefix("NFT_")
        switch (code, call) {
        case (EPERM, _):
            return "the capability NET_ADMIN, which a container has by securityContext.capabilities.add: [NET_ADMIN]"
        case (EOPNOTSUPP, "RTM_NEWLINK"):
            return "the kernel module dummy (`modprobe dummy` on the node), or an interface of this name"
        case (EACCES, "RTM_NEWADDR"), (EOPNOTSUPP, "RTM_NEWADDR"), (EAFNOSUPPORT, "RTM_NEWADDR"):
            return "a node whose addresses of this family are not disabled (net.ipv6.conf.all.disable_ipv6)"
        // There are nftables, for otherwise chains could not have been listed before.
        case (EOPNOTSUPP, "NFT_MSG_NEWTABLE"), (EAFNOSUPPORT, "NFT_MSG_NEWTABLE"), (ENOENT, "NFT_MSG_NEWCHAIN"):
            return "a kernel with nftables for IPv4 and IPv6 together (CONFIG_NF_TABLES_INET)"
        // What the kernel says of a netlink family or a part of netfilter that it lacks.
        case (EPROTONOSUPPORT, _),
            (EOPNOTSUPP, _) where isOfRules, (EINVAL, "NFT_MSG_GETCHAIN"):
            return "a kernel with nftables (`modprobe nf_tables` on the node)"
        case (ENOENT, "NFT_MSG_NEWRULE"):
            return "a kernel with nftables and connection tracking (`modprobe nft_ct` on the node)"
        case (ENOBUFS, _), (ENOMEM, _): return "memory of the kernel; it is tried again"
        default: return "it to be done"
        }
    }
}
