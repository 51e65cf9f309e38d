import DNSServer
import DNSWire
import EventLoop
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("secondary: NOTIFY (RFC 1996) passes the plugins that questions pass") struct ChangeNotices {
    private static let secret = Array("a secret of thirty-two octets...".utf8)
    private static let keys = "secret key.test. YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBvY3RldHMuLi4="

    private func server(_ before: String = "") throws -> MemoryServer {
        try MemoryServer("\(before)\nsecondary kept.test {\ntransfer from 192.0.2.1\n}\nwhoami")
    }

    private func notice(_ zone: String = "kept.test.", edns: Bool = false) -> [UInt8] {
        var message = WireText.query("\(zone) SOA", id: 7, recursionDesired: false, dnssecOK: edns ? false : nil)
        message[2] = 0x24
        return message
    }

    private func signed(secret: [UInt8] = Self.secret, key: String = "key.test.") throws -> [UInt8] {
        let now = WallClock.nanoseconds / 1_000_000_000
        return try #require(WireText.signed(notice(), key: key, secret: secret, at: now))
    }

    /// Code and flags of the response, and the error of its signature, if it has one.
    private func heard(_ message: [UInt8], by server: MemoryServer, from client: String = "192.0.2.1") -> String {
        guard let octets = server.begin(message, from: client).octets else { return "silence" }
        var signature = ""
        withBytes(octets) { response in
            var records = MessageRecords(response)
            while let (record, _) = records?.next() {
                guard record.type == .tsig, let record = TSIGRecord(response, at: record.nameOffset) else { continue }
                signature = " signed with \(record.code.count) octets, error \(record.error)"
            }
        }
        return WireText.text(octets).prefix { $0 != "\n" } + signature
    }

    @Test("from a primary it is heard, from others not implemented") func plain() throws {
        let server = try server()
        #expect(heard(notice(), by: server) == "NOERROR aa")
        #expect(heard(notice(edns: true), by: server) == "NOERROR aa")
        #expect(heard(notice(), by: server, from: "192.0.2.2") == "NOTIMP")
        #expect(heard(notice("other.test."), by: server) == "NOTIMP")
    }

    @Test("tsig: only what is signed as it must be, and the answer is signed (RFC 8945 §5.2 and §5.3)")
    func signatures() throws {
        let server = try server("tsig {\n\(Self.keys)\nrequire all\n}")
        #expect(heard(notice(), by: server) == "REFUSED")
        #expect(try heard(signed(), by: server) == "NOERROR aa signed with 32 octets, error 0")
        #expect(try heard(signed(secret: [1, 2, 3]), by: server) == "NOTAUTH signed with 0 octets, error 16")
        #expect(try heard(signed(key: "none.test."), by: server) == "NOTAUTH signed with 0 octets, error 17")
        #expect(
            try heard(signed(), by: server, from: "192.0.2.2") == "NOTIMP signed with 32 octets, error 0",
            "a key alone makes nobody a primary")
    }

    @Test("tsig: what need not be signed may be") func optionalSignatures() throws {
        let server = try server("tsig {\n\(Self.keys)\nrequire AXFR\n}")
        #expect(heard(notice(), by: server) == "NOERROR aa")
        #expect(try heard(signed(), by: server) == "NOERROR aa signed with 32 octets, error 0")
        #expect(try heard(signed(secret: [1, 2, 3]), by: server) == "NOTAUTH signed with 0 octets, error 16")
    }

    @Test("acl decides as for a question about the SOA") func access() throws {
        #expect(try heard(notice(), by: server("acl {\nblock net 192.0.2.0/24\n}")) == "REFUSED")
        #expect(try heard(notice(), by: server("acl {\nblock type SOA\n}")) == "REFUSED")
        #expect(try heard(notice(), by: server("acl {\ndrop\n}")) == "silence")
        #expect(try heard(notice(), by: server("acl {\nfilter\n}")) == "NOERROR")
        #expect(try heard(notice(), by: server("acl {\nblock type A\n}")) == "NOERROR aa")
    }

    @Test("it is counted as the question that it is in the form of") func counted() throws {
        let server = try server("prometheus 127.0.0.1:0")
        _ = heard(notice(), by: server)
        #expect(server.metrics.text.contains("rcode=\"NOERROR\",plugin=\"secondary\"} 1"))
    }
}
