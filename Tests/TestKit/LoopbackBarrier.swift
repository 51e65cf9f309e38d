import DNSServer
import DNSWire
import EventLoop
import Glibc

/// Waits until what this thread has sent over loopback has arrived, however busy the kernel is.
///
/// The kernel keeps what goes over loopback in one queue for each core, so a datagram sent now arrives behind all that
/// was sent before it.
final class LoopbackBarrier {
    private let inlet: DatagramServerSocket
    private let outlet: ConnectedDatagramSocket

    init() throws(SystemError) {
        inlet = try DatagramServerSocket(boundTo: SocketAddress(IPAddress(v4: 0x7F00_0001), port: 0))
        outlet = try ConnectedDatagramSocket(connectedTo: inlet.localAddress)
    }

    /// Gives up after more looks than any kernel needs.
    func pass() {
        guard withBytes([0], { outlet.send($0) }) else { return }
        for _ in 0..<1_000_000 {
            if inlet.receive() > 0 { return }
            sched_yield()
        }
    }
}
