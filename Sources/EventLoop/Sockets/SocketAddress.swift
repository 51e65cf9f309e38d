import CLinux
import Glibc

/// An IP address and port as sockets take them.
package struct SocketAddress: Hashable, Sendable, BitwiseCopyable {
    /// Octets 0 to 7 of the address in network order, most significant first; IPv4 takes the first four.
    package var high: UInt64
    package var low: UInt64
    package var isIPv4: Bool
    package var port: UInt16

    package init(high: UInt64, low: UInt64, isIPv4: Bool, port: UInt16) {
        self.high = high
        self.low = low
        self.isIPv4 = isIPv4
        self.port = port
    }

    init(_ storage: inout sockaddr_storage) {
        self.init(high: 0, low: 0, isIPv4: true, port: 0)
        var isV4: Int32 = 1
        unsafe cl_address_read(&storage, &high, &low, &isV4, &port)
        isIPv4 = isV4 != 0
    }

    /// The kernel's form of this address and its length in octets.
    var storage: (sockaddr_storage, socklen_t) {
        var result = sockaddr_storage()
        let length = unsafe cl_address_write(&result, high, low, isIPv4 ? 1 : 0, port)
        return (result, length)
    }

    package static func anyIPv6(port: UInt16) -> SocketAddress { .init(high: 0, low: 0, isIPv4: false, port: port) }
    package static func anyIPv4(port: UInt16) -> SocketAddress { .init(high: 0, low: 0, isIPv4: true, port: port) }
    package var isWildcard: Bool { high == 0 && low == 0 }
}

/// A system call that failed, with its `errno`.
package struct SystemError: Error, CustomStringConvertible {
    package let call: String
    package let code: Int32

    package init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    package var description: String { "\(call): \(reason)" }
    /// What went wrong, without what was tried.
    package var reason: String { unsafe String(cString: strerror(code)) }

    /// The peer said that nobody listens there (ICMP).
    package var isRefusal: Bool { code == ECONNREFUSED }
    /// True when descriptors or the kernel's memory ran out.
    package var isExhaustion: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }

    /// A datagram that is longer than there is room for.
    package static let messageTooLong = SystemError(call: "sendmmsg", code: EMSGSIZE)

    static func last(_ call: String) -> SystemError { SystemError(call: call, code: cl_errno()) }
}
