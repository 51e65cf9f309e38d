import EventLoop
import Testing

@Suite("waiting for sockets without a loop of one's own") struct SocketWaits {
    private static let loopback = SocketAddress(high: 0x7F00_0001 << 32, low: 0, isIPv4: true, port: 0)

    /// Two sockets that are connected to each other.
    private func pair() throws -> (client: StreamSocket, server: StreamSocket) {
        let listener = try StreamListenerSocket(boundTo: Self.loopback)
        let client = try StreamSocket(connectingTo: listener.localAddress)
        while true {
            if case .connection(let server, _) = listener.accept() { return (client, server) }
        }
    }

    private func write(_ socket: StreamSocket) -> StreamSocket.Transferred {
        let octets: [UInt8] = [1, 2, 3]
        return unsafe octets.withUnsafeBufferPointer { unsafe socket.write($0) }
    }

    /// As it is waited for elsewhere: by its number, which it keeps as long as it is there.
    private func isReady(
        _ socket: StreamSocket, _ direction: SocketWait.Direction, within limit: Duration = .seconds(180)
    )
        async throws -> Bool
    {
        let isReady = try await SocketWait.wait(for: socket.number, direction, until: .now + limit)
        return withExtendedLifetime(socket) { isReady }
    }

    @Test("returns when something can be read, also when that comes later") func reading() async throws {
        let (client, server) = try pair()
        #expect(try await isReady(client, .writing))
        let number = server.number
        let waiting = Task { try await SocketWait.wait(for: number, .reading, until: .now + .seconds(180)) }
        #expect(write(client) == .octets(3))
        #expect(try await waiting.value)
        #expect(try await isReady(server, .reading), "until it is read")
    }

    @Test("returns when the other side has closed") func closed() async throws {
        let server = try pair().server
        #expect(try await isReady(server, .reading))
    }

    @Test("a socket that nobody takes is refused, and not waited for") func refused() async throws {
        let address = try StreamListenerSocket(boundTo: Self.loopback).localAddress
        let client = try StreamSocket(connectingTo: address)
        #expect(try await isReady(client, .writing))
        #expect(write(client) == .closed)
    }

    @Test("no longer than it may take") func late() async throws {
        let (client, server) = try pair()
        #expect(try await !isReady(server, .reading, within: .milliseconds(5)))
        #expect(try await !isReady(server, .reading, within: .zero))
        withExtendedLifetime(client) {}
    }

    @Test("no longer than the task that waits") func cancelled() async throws {
        let (client, server) = try pair()
        let number = server.number
        for _ in 0..<100 {
            let task = Task { try await SocketWait.wait(for: number, .reading, until: .now + .seconds(180)) }
            task.cancel()
            #expect(try await !task.value)
        }
        withExtendedLifetime((client, server)) {}
    }
}
