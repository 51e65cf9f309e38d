import DNSServer
import DNSWire
import EventLoop
import Glibc
import NIOCore

extension NIOCore.SocketAddress {
    /// This address as the loops know it; an IPv4 client of a socket for both families is an IPv4 client.
    var asEndpoint: SecureEndpoint.Address? {
        guard let text = ipAddress, let port = port.flatMap(UInt16.init(exactly:)) else { return nil }
        let mapped = "::ffff:"
        if text.hasPrefix(mapped), let address = IPAddress(String(text.dropFirst(mapped.count))), address.isIPv4 {
            return SecureEndpoint.Address(address, port: port)
        }
        return IPAddress(text).map { SecureEndpoint.Address($0, port: port) }
    }
}

extension TimeAmount {
    var duration: Duration { .nanoseconds(nanoseconds) }
}

/// What a listener has to say to the operating system about its address.
struct BoundAddress {
    let socketAddress: NIOCore.SocketAddress
    /// True for a socket that takes IPv6 alone; the wildcard takes both families.
    let isIPv6Only: Bool?
    static let portSharing = NIOBSDSocket.Option(rawValue: SO_REUSEPORT)

    init(_ address: SecureEndpoint.Address) throws {
        socketAddress = try NIOCore.SocketAddress(ipAddress: address.address.description, port: Int(address.port))
        isIPv6Only = address.isIPv4 ? nil : !address.isWildcard
    }
}
