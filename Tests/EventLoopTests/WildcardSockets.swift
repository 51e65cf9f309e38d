import EventLoop
import Glibc
import Testing

@Suite("wildcard sockets answer from the address that was asked") struct WildcardSockets {
    struct Case: Sendable, CustomTestStringConvertible {
        let wildcard: SocketAddress
        let asked: SocketAddress
        let testDescription: String
    }

    static let loopback4: UInt64 = 0x7F00_0001 << 32
    static let cases = [
        Case(
            wildcard: .anyIPv4(port: 0), asked: SocketAddress(high: loopback4, low: 0, isIPv4: true, port: 0),
            testDescription: "0.0.0.0 asked at 127.0.0.1"),
        Case(
            wildcard: .anyIPv6(port: 0), asked: SocketAddress(high: loopback4, low: 0, isIPv4: true, port: 0),
            testDescription: "[::] asked at 127.0.0.1"),
        // The kernel would answer the client from 127.0.0.1 by itself, which a connected client does not take.
        Case(
            wildcard: .anyIPv6(port: 0),
            asked: SocketAddress(high: loopback4 + 0x7_0000_0000, low: 0, isIPv4: true, port: 0),
            testDescription: "[::] asked at 127.0.0.8"),
        Case(
            wildcard: .anyIPv6(port: 0), asked: SocketAddress(high: 0, low: 1, isIPv4: false, port: 0),
            testDescription: "[::] asked at [::1]"),
    ]

    @Test("a reply reaches a client that takes it from that address only", arguments: cases)
    func replies(_ given: Case) throws {
        let server = try DatagramServerSocket(boundTo: given.wildcard)
        var asked = given.asked
        asked.port = server.localAddress.port
        let client = try ConnectedDatagramSocket(connectedTo: asked)
        for isLater in [false, true] {
            #expect(unsafe [1, 2, 3].withUnsafeBufferPointer { unsafe client.send($0) })
            #expect(waits(for: server.number))
            #expect(server.receive() == 1)
            if isLater {
                let outbox = try DatagramOutbox()
                #expect(unsafe [4, 5].withUnsafeBufferPointer { unsafe outbox.add($0, along: server.replyPath(0)) })
                #expect(outbox.flush(through: server.number).isEmpty)
            } else {
                _ = unsafe server.response(0).update(fromContentsOf: [4, 5])
                server.queue(0, length: 2)
                server.flush()
            }
            #expect(waits(for: client.number))
            var octets = [UInt8](repeating: 0, count: 16)
            var isRefused = false
            let count = unsafe octets.withUnsafeMutableBufferPointer { buffer in
                unsafe client.receive(into: buffer, refused: &isRefused)
            }
            #expect(count == 2 && octets.prefix(2) == [4, 5])
        }
    }

    /// True when something can be read within five seconds.
    private func waits(for number: Int32) -> Bool {
        var one = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&one, 1, 5000) == 1
    }
}
