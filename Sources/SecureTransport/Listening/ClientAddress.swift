package import DNSServer
import DNSWire
import EventLoop
package import NIOCore

extension NIOCore.SocketAddress {
    /// This address as the loops know it; an IPv4 client of a socket for both families is an IPv4 client.
    package var asEndpoint: SecureEndpoint.Address? {
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
