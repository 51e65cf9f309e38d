import CLinux
import EventLoop
import Glibc
import Testing

@Suite("sockets: datagrams that the kernel drops by their source") struct SourceFilters {
    /// Sends `count` datagrams from each source to a socket with these rules.
    ///
    /// - Returns: how many arrived of each source.
    private func arrived(
        _ count: Int, from sources: [SocketAddress], at place: SocketAddress, _ rules: [SourceFilter.Rule]
    ) throws -> [Int] {
        let server = try DatagramServerSocket(boundTo: place)
        #expect(server.restrict(SourceFilter(rules)))
        let clients = try sources.map { try DatagramServerSocket(boundTo: $0) }
        for client in clients { #expect(connect(client, to: server.localAddress)) }
        var result = sources.map { _ in 0 }
        for _ in 0..<count {
            for client in clients { #expect(unsafe send(client.number, "question", 8, 0) == 8) }
            while case let taken = server.receive(), taken > 0 {
                for slot in 0..<taken {
                    let peer = server.peer(slot)
                    for (index, client) in clients.enumerated() where client.localAddress == peer { result[index] += 1 }
                }
            }
        }
        return result
    }

    private func connect(_ client: DatagramServerSocket, to address: SocketAddress) -> Bool {
        var storage = sockaddr_storage()
        let length = unsafe CLinux.cl_address_write(
            &storage, address.high, address.low, address.isIPv4 ? 1 : 0, address.port)
        return unsafe CLinux.cl_connect(client.number, &storage, length) == 0
    }

    private func v4(_ last: UInt64) -> SocketAddress {
        SocketAddress(high: (127 << 24 | last) << 32, low: 0, isIPv4: true, port: 0)
    }
    private let v6 = SocketAddress(high: 0, low: 1, isIPv4: false, port: 0)

    @Test("a source that keeps nothing is silent, the others are not") func none() throws {
        #expect(
            try arrived(50, from: [v4(2), v4(3), v4(4)], at: v4(1), [.init(v4(4), kept: 0), .init(v4(2), kept: 0)])
                == [0, 50, 0])
    }

    @Test("rules are up to 64; others are left out", arguments: [(62, 0), (63, 0), (64, 50)])
    func count(_ before: Int, _ arriving: Int) throws {
        let others = (0..<before).map { SourceFilter.Rule(v4(UInt64(100 + $0)), kept: 0) }
        #expect(try arrived(50, from: [v4(2)], at: v4(1), others + [.init(v4(2), kept: 0)]) == [arriving])
    }

    @Test("a part stays, by chance") func part() throws {
        let counts = try arrived(1_000, from: [v4(2), v4(3)], at: v4(1), [.init(v4(2), kept: 0.25)])
        #expect(counts[1] == 1_000)
        // Four standard deviations of 1,000 throws are 55.
        #expect((150...350).contains(counts[0]))
    }

    @Test("IPv6 is told apart by the whole address") func six() throws {
        let near = SocketAddress(high: 0, low: 2, isIPv4: false, port: 0)
        #expect(try arrived(20, from: [v6], at: v6, [.init(near, kept: 0), .init(v4(1), kept: 0)]) == [20])
        #expect(try arrived(20, from: [v6], at: v6, [.init(near, kept: 0), .init(v6, kept: 0)]) == [0])
    }

    @Test("a socket for both versions tells both") func both() throws {
        let any = SocketAddress.anyIPv6(port: 0)
        let socket = try DatagramServerSocket(boundTo: any)
        #expect(socket.restrict(SourceFilter((0..<100).map { .init(v4(100 + $0), kept: 0) })))
        #expect(socket.restrict(SourceFilter([])))
        #expect(socket.queue?.fill == 0)
        #expect(socket.queue?.dropped == 0)
    }
}
