package import DNSWire
package import EventLoop

extension IPAddress {
    /// The address without its port.
    package init(_ address: SocketAddress) {
        self =
            address.isIPv4
            ? IPAddress(v4: UInt32(truncatingIfNeeded: address.high >> 32))
            : IPAddress(v6High: address.high, low: address.low)
    }
}
