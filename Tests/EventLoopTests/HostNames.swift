import EventLoop
import Testing

@Suite("host names, as this system finds their addresses") struct HostNames {
    @Test("one that every system has, and one that none may have (RFC 6761)") func lookup() async {
        let found = await HostName.addresses(of: "localhost", port: 6000)
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.port == 6000 && ($0.isIPv4 ? $0.high == 0x7F00_0001 << 32 : $0.low == 1) })
        #expect(await HostName.addresses(of: "no.such.invalid", port: 6000).isEmpty)
    }

    @Test("an address is its own host") func literal() async {
        let found = await HostName.addresses(of: "192.0.2.1", port: 53)
        #expect(found.map(\.high) == [0xC000_0201 << 32])
    }
}
