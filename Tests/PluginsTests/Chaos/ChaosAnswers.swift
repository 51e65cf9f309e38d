import TestKit
import Testing

@Suite("chaos: what serves here, in class CH") struct ChaosAnswers {
    /// Code, number of answers, and the texts of the TXT records in any order.
    private func ask(_ dns: MemoryServer, _ question: String, class number: UInt16 = 3) throws -> (UInt8, Set<String>) {
        let octets = try #require(dns.begin(WireText.query(question, id: 7, class: number)).octets)
        var texts: Set<String> = []
        var place = try #require(octets.dropFirst(12).firstIndex(of: 0)) + 5
        for _ in 0..<octets[7] {
            // A pointer to the question, TXT, CH, TTL 0, one text.
            #expect(Array(octets[place..<place + 10]) == [0xC0, 12, 0, 16, 0, 3, 0, 0, 0, 0])
            let length = Int(octets[place + 12])
            texts.insert(String(decoding: octets[place + 13..<place + 13 + length], as: UTF8.self))
            place += 13 + length
        }
        return (octets[3] & 0xF, texts)
    }

    @Test("version and authors as the Corefile has them") func configured() throws {
        let dns = try MemoryServer("chaos v1.2 \"An Author\" Another\nforward . @UPSTREAM@") { _ in [] }
        for name in ["version.bind", "VERSION.Server"] { #expect(try ask(dns, "\(name). TXT") == (0, ["v1.2"])) }
        #expect(try ask(dns, "authors.bind. TXT") == (0, ["An Author", "Another"]))
        let host = try ask(dns, "hostname.bind. TXT")
        #expect(host.0 == 0 && host.1.count == 1)
        #expect(try ask(dns, "id.server. TXT") == host)
    }

    @Test("every other question of class CH is refused", arguments: ["version.bind. A", "other.bind. TXT", ". TXT"])
    func others(question: String) throws {
        let dns = try MemoryServer("chaos\nlocal\nany\nforward . @UPSTREAM@") { _ in [] }
        #expect(try ask(dns, question) == (5, []))
        #expect(dns.queries.isEmpty)
    }

    @Test("without it, and in other classes, nothing is answered") func refused() throws {
        #expect(try ask(MemoryServer("whoami"), "version.bind. TXT") == (5, []))
        #expect(try ask(MemoryServer("chaos\nwhoami"), "version.bind. TXT", class: 4) == (5, []))
    }

    @Test("only in the block that has it") func blocks() throws {
        let dns = try MemoryServer(
            corefile: ".:53 {\nbind 127.0.0.1\nwhoami\n}\nbind:53 {\nbind 127.0.0.1\nchaos here\n}\n")
        #expect(try ask(dns, "version.bind. TXT") == (0, ["here"]))
        #expect(try ask(dns, "id.server. TXT") == (5, []))
    }
}
