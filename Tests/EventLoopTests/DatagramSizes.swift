import EventLoop
import Glibc
import Testing

@Suite("sockets: how long a datagram may be") struct DatagramSizes {
    @Test(
        "4,095 octets are given whole; of more, which may have been cut, the header alone",
        arguments: [(12, 12), (4094, 4094), (4095, 4095), (4096, 12), (4097, 12), (60_000, 12)])
    func sizes(_ sent: Int, _ given: Int) throws {
        let loopback = SocketAddress(high: 0x7F00_0001 << 32, low: 0, isIPv4: true, port: 0)
        let server = try DatagramServerSocket(boundTo: loopback)
        let client = try ConnectedDatagramSocket(connectedTo: server.localAddress)
        #expect(unsafe [UInt8](repeating: 1, count: sent).withUnsafeBufferPointer { unsafe client.send($0) })
        // Over loopback it is there when `send` returns.
        #expect(server.receive() == 1)
        #expect(unsafe server.query(0).count == given)
    }

    @Test("a path of a Unix socket has up to 107 octets") func paths() {
        let codes = (106...108).map { count in
            do throws(SystemError) {
                _ = try StreamSocket(connectingTo: "/" + String(repeating: "p", count: count - 1))
                return Int32(0)
            } catch {
                return error.code
            }
        }
        #expect(codes == [ENOENT, ENOENT, ENAMETOOLONG])
    }
}
