import DNSWire
import Testing
import ZoneData

@Suite("NSEC3: how often a name is hashed (RFC 9276 §3.1)") struct HashIterations {
    @Test("up to 500 times; a zone that says more is served without proofs", arguments: [499, 500, 501])
    func most(_ count: Int) throws {
        let hash = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"
        let text = "$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\n\(hash) NSEC3 1 0 \(count) - \(hash) A\n"
        let table = try ZoneFile.table(Array(text.utf8), named: "db", origin: try #require(Name("a.test"))) { _ in [] }
        #expect(table.warnings.contains { $0.contains("more iterations than 500") } == (count > 500))
    }
}
