import EventLoop
import Glibc
import Testing

@Suite("loop: work that must not wait for a long turn") struct UrgentWork {
    private final class Busy: ReadinessHandler {
        let takes: () -> Void
        init(_ takes: @escaping () -> Void) { self.takes = takes }
        func ready(readable: Bool, writable: Bool) { takes() }
    }

    private final class Waiting: UrgentTarget {
        var served = 0
        func serveWaiting() { served += 1 }
    }

    /// One turn with ten descriptors ready, each of which takes so many microseconds.
    private func served(eachTakes microseconds: UInt64) throws -> Int {
        nonisolated(unsafe) var time: UInt64 = 1
        let loop = try EventLoop(index: 0, clock: { unsafe time })
        let busy = Busy { unsafe time += microseconds * 1000 }
        let sockets = try (0..<10).map { _ in
            try DatagramServerSocket(boundTo: SocketAddress(high: 0x7F00_0001 << 32, low: 0, isIPv4: true, port: 0))
        }
        // A socket is always ready to write.
        let registered = sockets.map { loop.register($0.number, readable: false, writable: true, handler: busy) }
        let waiting = Waiting()
        loop.urgent.append(waiting)
        loop.turn(longestWait: 0)
        for (registration, socket) in zip(registered, sockets) { loop.unregister(registration, socket.number) }
        return waiting.served
    }

    @Test("it is served whenever half a millisecond has passed, and not after a short turn") func served() throws {
        #expect(try served(eachTakes: 10) == 0)
        #expect(try served(eachTakes: 300) == 4)
        #expect(try served(eachTakes: 2_000) == 9)
    }
}
