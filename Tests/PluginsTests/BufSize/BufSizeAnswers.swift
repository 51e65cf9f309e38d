import DNSServer
import TestKit
import Testing

@Suite("bufsize: the most that an answer takes over UDP") struct BufSizeAnswers {
    private func server() throws -> MemoryServer {
        let addresses = (1...60).map { "192.0.2.\($0)" }.joined(separator: " many.test\n")
        return try MemoryServer("bufsize 512\nhosts {\n\(addresses) many.test\n}")
    }

    private func ask(_ dns: MemoryServer, _ transport: DNSServer.Transport, edns: Bool) throws -> [UInt8] {
        let query = WireText.query("many.test. A", id: 7, dnssecOK: edns ? false : nil)
        return try #require(dns.begin(query, over: transport).octets)
    }

    @Test("a client that takes 1,232 octets gets 512, and is told so") func clamped() throws {
        let octets = try ask(server(), .udp, edns: true)
        #expect(octets.count <= 512 && octets.count > 480)
        #expect(octets[2] & 0x02 != 0, "TC")
        // OPT is the last record: its class is the size.
        #expect(Array(octets.suffix(11).prefix(5)) == [0, 0, 41, 2, 0])
    }

    @Test("options of the response count, too") func options() throws {
        let addresses = (1...60).map { "192.0.2.\($0)" }.joined(separator: " many.test\n")
        let dns = try MemoryServer(
            "bufsize 512\nnsid \(String(repeating: "n", count: 100))\nhosts {\n\(addresses) many.test\n}")
        // NSID is option 3, asked for without a value (RFC 5001 §2.1).
        let query = WireText.query("many.test. A", id: 7, dnssecOK: false, options: [0, 3, 0, 0])
        let octets = try #require(dns.begin(query, over: .udp).octets)
        #expect(octets.count <= 512 && octets.count > 480)
    }

    @Test("over TCP it has all of the answer, and is told the same of datagrams") func streams() throws {
        let octets = try ask(server(), .tcp, edns: true)
        #expect(octets.count > 960 && octets[2] & 0x02 == 0)
        #expect(Array(octets.suffix(11).prefix(5)) == [0, 0, 41, 2, 0])
    }
}
