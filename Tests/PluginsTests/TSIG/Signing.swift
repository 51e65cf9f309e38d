import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("tsig: codes, and why queries are refused (RFC 8945 §5.2)") struct Signing {
    private static let time: UInt64 = 1_800_000_000
    private static let key = TSIGKey(Name("key.test") ?? .root, Array("a secret of thirty-two octets...".utf8))

    /// A query signed as a client would.
    private func signed(
        _ key: TSIGKey = Self.key, at time: UInt64 = Self.time, algorithm: TSIGAlgorithm = .sha256,
        codeLength: Int? = nil
    ) throws -> (message: [UInt8], offset: Int) {
        let query = WireText.query("www.shop.test. A", id: 7)
        let blank = key.name.wire + [0, 250, 0, 255, 0, 0, 0, 0]
        let name = try #require(Name(algorithm.rawValue)).wire
        func record(_ code: [UInt8]) -> [UInt8] {
            let data =
                name + TSIGRecord.octets(time, 6) + [1, 44] + TSIGRecord.octets(code.count, 2) + code + [
                    0, 7, 0, 0, 0, 0,
                ]
            return blank + TSIGRecord.octets(data.count, 2) + data
        }
        let unsigned = try #require(withBytes(query + record([])) { TSIGRecord($0, at: query.count) })
        let code = algorithm.code(of: query + unsigned.variables, key)
        var message = query + record(Array(code.prefix(codeLength ?? code.count)))
        message[11] = 1
        return (message, query.count)
    }

    private func error(_ signed: (message: [UInt8], offset: Int), now: UInt64 = Self.time) -> String {
        withBytes(signed.message) { message in
            guard let verified = TSIGVerifier([Self.key]).verify(message, signatureAt: signed.offset, now: now) else {
                return "unreadable"
            }
            return verified.error.map { "\($0)" } ?? "verified"
        }
    }

    @Test("every algorithm", arguments: TSIGAlgorithm.allCases) func algorithms(_ algorithm: TSIGAlgorithm) throws {
        #expect(try error(signed(algorithm: algorithm)) == "verified")
    }

    @Test(
        "clocks may differ by the fudge of 300 seconds",
        arguments: [
            (300, "verified"), (301, "badTime"), (-300, "verified"), (-301, "badTime"),
        ]) func times(_ seconds: Int, _ expected: String) throws
    {
        #expect(try error(signed(), now: UInt64(Int(Self.time) + seconds)) == expected)
    }

    @Test(
        "codes may be cut to half, no further (§5.2.2.1)",
        arguments: [
            (32, "verified"), (16, "verified"), (15, "badSignature"), (0, "badSignature"),
        ]) func cut(_ length: Int, _ expected: String) throws
    {
        #expect(try error(signed(codeLength: length)) == expected)
    }

    @Test("other keys, and octets that were changed on the way") func changed() throws {
        let other = TSIGKey(try #require(Name("none.test")), [1, 2, 3])
        #expect(try error(signed(other)) == "badKey")
        #expect(try error(signed(TSIGKey(Self.key.name, [1, 2, 3]))) == "badSignature")
        let whole = try signed()
        for index in 0..<whole.offset where !(0..<2).contains(index) {
            var message = whole.message
            message[index] ^= 1
            #expect(error((message, whole.offset)) == "badSignature", "octet \(index)")
        }
    }

    @Test("a record cut anywhere is no record") func short() throws {
        let whole = try signed()
        for length in whole.offset..<whole.message.count {
            #expect(error((Array(whole.message[..<length]), whole.offset)) == "unreadable")
        }
    }

    @Test("in the chain: not signed, and signed with an unknown key") func chain() throws {
        let server = try MemoryServer("tsig {\nsecret key.test. AAAA\nrequire A\n}\nwhoami")
        #expect(server.ask("www.shop.test. A").hasPrefix("REFUSED"))
        #expect(server.ask("www.shop.test. MX").hasPrefix("NOERROR"))
    }
}
