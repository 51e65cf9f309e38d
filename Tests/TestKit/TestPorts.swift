import DNSServer
import DNSWire
package import EventLoop
import Synchronization

/// Hands out ports of loopback, each once.
///
/// Not those the kernel would pick: servers share ports (SO_REUSEPORT), so two of them may be given the same one.
package enum TestPorts {
    private static let taken = Mutex<Set<UInt16>>([])

    package static func next() -> SocketAddress {
        for _ in 0..<10_000 {
            let port = UInt16.random(in: 10_240...32_000)
            guard taken.withLock({ $0.insert(port).inserted }) else { continue }
            let address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: port)
            guard (try? DatagramServerSocket(boundTo: address)) != nil,
                (try? StreamListenerSocket(boundTo: address)) != nil
            else { continue }
            return address
        }
        // Not reached while any port is left; what listens there says so.
        return SocketAddress(IPAddress(v4: 0x7F00_0001), port: 0)
    }
}
