import CLinux
import Glibc

/// A listening TCP socket of one loop.
package final class StreamListenerSocket {
    private let descriptor: Descriptor

    package init(boundTo address: SocketAddress) throws(SystemError) {
        descriptor = Descriptor(try SocketSetup.bound(to: address, type: SocketSetup.stream))
        guard listen(descriptor.number, 1024) == 0 else { throw .last("listen") }
    }

    package var number: Int32 { descriptor.number }
    package var localAddress: SocketAddress { SocketSetup.localAddress(number) }

    package enum Accepted {
        case connection(StreamSocket, peer: SocketAddress)
        case none
        /// No descriptors or memory left: try again later.
        case exhausted
    }

    package func accept() -> Accepted {
        var peer = sockaddr_storage()
        while true {
            let number = unsafe cl_accept(descriptor.number, &peer)
            if number >= 0 {
                _ = cl_set(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
                return .connection(StreamSocket(number), peer: SocketAddress(&peer))
            }
            let error = SystemError.last("accept")
            if [EINTR, ECONNABORTED].contains(error.code) { continue }
            return error.isExhaustion ? .exhausted : .none
        }
    }
}

/// A connected TCP socket, non-blocking.
package final class StreamSocket {
    private let descriptor: Descriptor

    init(_ number: Int32) { descriptor = Descriptor(number) }

    /// Starts connecting; the loop reports writability once that is decided.
    package init(connectingTo address: SocketAddress) throws(SystemError) {
        let number = socket(
            address.isIPv4 ? AF_INET : AF_INET6, SocketSetup.stream | SocketSetup.cloexecNonblock, 0)
        guard number >= 0 else { throw .last("socket") }
        descriptor = Descriptor(number)
        _ = cl_set(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        var (storage, length) = address.storage
        guard unsafe cl_connect(number, &storage, length) == 0 || cl_errno() == EINPROGRESS else {
            throw .last("connect")
        }
    }

    /// Octets of the longest path of a Unix socket (unix(7)).
    package static let longestPath = 107

    /// Connects to a Unix socket.
    package init(connectingTo path: String) throws(SystemError) {
        var storage = sockaddr_storage()
        let octets = Array(path.utf8)
        guard octets.count <= Self.longestPath else { throw SystemError(call: "connect", code: ENAMETOOLONG) }
        let number = socket(AF_UNIX, SocketSetup.stream | SocketSetup.cloexecNonblock, 0)
        guard number >= 0 else { throw .last("socket") }
        descriptor = Descriptor(number)
        storage.ss_family = sa_family_t(AF_UNIX)
        // The path stands behind the family (unix(7)), and ends with the zero that is there already.
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            for (index, octet) in octets.enumerated() { unsafe bytes[2 + index] = octet }
        }
        guard unsafe cl_connect(number, &storage, socklen_t(2 + octets.count + 1)) == 0 else { throw .last("connect") }
    }

    package var number: Int32 { descriptor.number }
    package var localAddress: SocketAddress { SocketSetup.localAddress(number) }

    /// Has the kernel find out, within about so many seconds, that the other end is gone without a word.
    package func noticeSilence(seconds: Int32) {
        _ = cl_set(number, SOL_SOCKET, SO_KEEPALIVE, 1)
        _ = cl_set(number, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 1)
        _ = cl_set(number, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 1)
        _ = cl_set(number, Int32(IPPROTO_TCP), TCP_KEEPCNT, seconds)
        _ = cl_set(number, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, seconds * 1000)
    }

    /// Lets the connection be reset when it is closed, and what is unsent be lost.
    package func resetAtClose() {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(number, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    package enum Transferred: Equatable {
        case octets(Int)
        case wouldBlock
        case closed
    }

    package func read(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Transferred {
        while true {
            let count = unsafe recv(number, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .octets(count) }
            if count == 0 { return .closed }
            if cl_errno() == EINTR { continue }
            return cl_errno() == EAGAIN ? .wouldBlock : .closed
        }
    }

    package func write(_ buffer: UnsafeBufferPointer<UInt8>) -> Transferred {
        while true {
            let count = unsafe Glibc.send(number, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .octets(count) }
            if cl_errno() == EINTR { continue }
            return cl_errno() == EAGAIN ? .wouldBlock : .closed
        }
    }
}

/// A UDP socket connected to one peer from a port the kernel picks at random; the kernel drops what others send.
package final class ConnectedDatagramSocket {
    private let descriptor: Descriptor

    /// - Parameter source: what to send from; nil for the kernel's choice.
    package init(connectedTo address: SocketAddress, from source: SocketAddress? = nil) throws(SystemError) {
        let number = socket(
            address.isIPv4 ? AF_INET : AF_INET6, SocketSetup.datagram | SocketSetup.cloexecNonblock, 0)
        guard number >= 0 else { throw .last("socket") }
        descriptor = Descriptor(number)
        if let source {
            var (storage, length) = source.storage
            guard unsafe cl_bind(number, &storage, length) == 0 else { throw .last("bind") }
        }
        var (storage, length) = address.storage
        guard unsafe cl_connect(number, &storage, length) == 0 else { throw .last("connect") }
    }

    package var number: Int32 { descriptor.number }

    package func send(_ buffer: UnsafeBufferPointer<UInt8>) -> Bool {
        unsafe Glibc.send(number, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)) == buffer.count
    }

    /// Octets received, nil when nothing waits, 0 for an empty datagram; `refused` is set on an ICMP error.
    package func receive(into buffer: UnsafeMutableBufferPointer<UInt8>, refused: inout Bool) -> Int? {
        let count = unsafe recv(number, buffer.baseAddress, buffer.count, 0)
        if count >= 0 { return count }
        refused = cl_errno() != EAGAIN && cl_errno() != EINTR
        return nil
    }
}
