package import DNSWire
package import EventLoop

extension SocketAddress {
    package init(_ address: IPAddress, port: UInt16) {
        self.init(high: address.high, low: address.low, isIPv4: address.isIPv4, port: port)
    }

    package var address: IPAddress {
        isIPv4 ? IPAddress(v4: UInt32(truncatingIfNeeded: high >> 32)) : IPAddress(v6High: high, low: low)
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `192.0.2.1:53` or `[2001:db8::1]:53`.
    package var description: String { isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
