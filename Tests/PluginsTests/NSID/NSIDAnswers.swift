import DNSServer
import TestKit
import Testing

@Suite("nsid: which server answered (RFC 5001)") struct NSIDAnswers {
    private func end(_ dns: MemoryServer, _ options: [UInt8]) throws -> [UInt8] {
        let query = WireText.query("a.test. A", id: 7, dnssecOK: false, options: options)
        return Array(try #require(dns.begin(query).octets).suffix(12))
    }

    @Test("who asks is told, also when an upstream had to be waited for") func asked() throws {
        let dns = try MemoryServer("nsid cache one\nforward . @UPSTREAM@") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        let option: [UInt8] = [0, 3, 0, 9] + Array("cache one".utf8)
        #expect(try end(dns, [0, 3, 0, 0]) == option.suffix(12))
        #expect(dns.queries.count == 1)
    }

    @Test("who does not ask is not told") func notAsked() throws {
        let dns = try MemoryServer("nsid me\nforward . @UPSTREAM@") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        #expect(try end(dns, []).suffix(2) == [0, 0])
        #expect(try end(dns, [0, 10, 0, 1, 9]).suffix(2) == [0, 0])
    }
}
