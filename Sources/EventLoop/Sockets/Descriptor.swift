import CLinux
import Glibc

/// An open file descriptor, closed when its owner goes.
package struct Descriptor: ~Copyable {
    package let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { _ = close(number) }
}

/// What a socket does with an address.
enum SocketSetup {
    /// A bound, non-blocking socket that shares its address with the other loops (SO_REUSEPORT).
    static func bound(to address: SocketAddress, type: Int32) throws(SystemError) -> Int32 {
        let number = socket(address.isIPv4 ? AF_INET : AF_INET6, type | cloexecNonblock, 0)
        guard number >= 0 else { throw .last("socket") }
        do throws(SystemError) {
            try set(number, SOL_SOCKET, SO_REUSEPORT, 1)
            if type == stream { try set(number, SOL_SOCKET, SO_REUSEADDR, 1) }
            if !address.isIPv4 {
                // One dual-stack socket for the wildcard; an explicit address stays of its family.
                try set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.isWildcard ? 0 : 1)
            }
            var (storage, length) = address.storage
            guard unsafe cl_bind(number, &storage, length) == 0 else { throw SystemError.last("bind") }
        } catch {
            _ = close(number)
            throw error
        }
        return number
    }

    static func set(_ number: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        guard cl_set(number, level, option, value) == 0 else { throw .last("setsockopt") }
    }

    static let stream = Int32(SOCK_STREAM.rawValue)
    static let datagram = Int32(SOCK_DGRAM.rawValue)
    static let cloexecNonblock = Int32(bitPattern: SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

    static func localAddress(_ number: Int32) -> SocketAddress {
        var storage = sockaddr_storage()
        _ = unsafe cl_local_address(number, &storage)
        return SocketAddress(&storage)
    }
}
