import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("cache: replies are kept as long as they hold") struct CacheAnswers {
    private func server(_ cache: String, _ script: @escaping ScriptedUpstream.Script) throws -> MemoryServer {
        try MemoryServer("\(cache)\nforward . @UPSTREAM@", upstream: script)
    }

    /// An upstream that has one address for `a.test`.
    private func address(_ cache: String, ttl: UInt32 = 300) throws -> MemoryServer {
        try server(cache) { [$0.reply([.a($0.parsed.name, "192.0.2.1", ttl: ttl)])] }
    }

    @Test("a hit asks nobody, keeps each TTL apart, and is not authoritative")
    func hit() throws {
        let server = try server("cache") {
            [$0.reply([.cname("a.test.", "b.test.", ttl: 3000), .a("b.test.", "192.0.2.1", ttl: 600)])]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 3000 CNAME b.test.\nb.test. 600 A 192.0.2.1")
        server.advance(.seconds(10))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 2990 CNAME b.test.\nb.test. 590 A 192.0.2.1")
        #expect(server.queries.count == 1)
        let labels = "{server=\"dns://127.0.0.1:53\",type=\"success\",zones=\".\",view=\"\"}"
        #expect(server.metric("coredns_cache_hits_total\(labels)") == "1")
        #expect(server.metric("coredns_cache_entries\(labels)") == "1")
        #expect(server.metric("coredns_cache_misses_total") == "1")
    }

    @Test("a hit of another letter case has the asker's")
    func letterCase() throws {
        let server = try address("cache")
        _ = server.ask("a.test. A")
        #expect(server.ask("A.Test. A") == "NOERROR\nA.Test. 300 A 192.0.2.1")
        #expect(server.queries.count == 1)
    }

    @Test("TTLs fall with age, by whole seconds, to the end of the shortest")
    func age() throws {
        let server = try address("cache")
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        server.advance(.milliseconds(999))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        server.advance(.milliseconds(1))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 299 A 192.0.2.1")
        server.advance(.milliseconds(298_999))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 1 A 192.0.2.1")
        #expect(server.queries.count == 1)
        server.advance(.milliseconds(1))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.queries.count == 2)
    }

    @Test("keepttl: TTLs stay, the end does not")
    func keepTTL() throws {
        let server = try address("cache {\nkeepttl\n}")
        _ = server.ask("a.test. A")
        server.advance(.seconds(299))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.queries.count == 1)
        server.advance(.seconds(1))
        _ = server.ask("a.test. A")
        #expect(server.queries.count == 2)
    }

    @Test(
        "TTLs are bounded from above and below, in the first answer too, and what is kept ends with them",
        arguments: [
            ("cache 30", 86400, 30), ("cache 30", 10, 10), ("cache", 86400, 3600),
            ("cache {\nsuccess 100 60 20\n}", 86400, 60), ("cache {\nsuccess 100 60 20\n}", 5, 20),
        ] as [(String, UInt32, Int)])
    func bounded(_ cache: String, _ given: UInt32, _ ttl: Int) throws {
        let server = try address(cache, ttl: given)
        #expect(server.ask("a.test. A") == "NOERROR\na.test. \(ttl) A 192.0.2.1")
        server.advance(.seconds(ttl - 1))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 1 A 192.0.2.1")
        #expect(server.queries.count == 1)
        server.advance(.seconds(1))
        _ = server.ask("a.test. A")
        #expect(server.queries.count == 2)
    }

    @Test(
        "negative answers hold as long as their SOA and its minimum say (RFC 2308 section 5), half an hour at most",
        arguments: [
            ("cache", 300, 60, 60), ("cache", 45, 60, 45), ("cache", 86400, 86400, 1800), ("cache 30", 300, 60, 30),
            ("cache {\ndenial 100 40\n}", 300, 60, 40), ("cache {\ndenial 100 90 80\n}", 300, 60, 80),
        ] as [(String, UInt32, UInt32, Int)])
    func negative(_ cache: String, _ ttl: UInt32, _ minimum: UInt32, _ seconds: Int) throws {
        let server = try server(cache) { query in
            let soa = [TestRecord.soa("test.", ttl: ttl, minimum: minimum)]
            return [query.reply(authority: soa, code: query.parsed.name == "gone.test." ? 3 : 0)]
        }
        for name in ["gone.test.", "here.test."] {
            let asked = server.queries.count
            _ = server.ask("\(name) A")
            server.advance(.milliseconds(seconds * 1000 - 1))
            _ = server.ask("\(name) A")
            #expect(server.queries.count == asked + 1)
            server.advance(.milliseconds(1))
            _ = server.ask("\(name) A")
            #expect(server.queries.count == asked + 2)
        }
    }

    @Test("DO and CD are questions of their own")
    func keys() throws {
        let server = try address("cache")
        for _ in 0..<2 {
            _ = server.ask("a.test. A")
            _ = server.ask("a.test. A", checkingDisabled: true)
            _ = server.ask("a.test. A", dnssecOK: true)
        }
        #expect(server.queries.count == 3)
    }

    @Test(
        "what is kept and what is not",
        arguments: [
            ("NXDOMAIN with SOA", 1), ("NODATA with SOA", 1), ("NXDOMAIN", 2), ("NODATA", 2), ("TTL 0", 2),
            ("REFUSED", 2), ("SERVFAIL", 1),
        ])
    func kept(_ reply: String, _ queries: Int) throws {
        let server = try server("cache") { query in
            switch reply {
            case "NXDOMAIN with SOA": [query.reply(authority: [.soa("test.")], code: 3)]
            case "NODATA with SOA": [query.reply(authority: [.soa("test.")])]
            case "NXDOMAIN": [query.reply(code: 3)]
            case "NODATA": [query.reply()]
            case "TTL 0": [query.reply([.a("a.test.", "192.0.2.1", ttl: 0)])]
            case "REFUSED": [query.reply(code: 5)]
            default: [query.reply(code: 2)]
            }
        }
        let first = server.ask("a.test. A")
        #expect(server.ask("a.test. A") == first)
        #expect(server.queries.count == queries)
    }

    @Test("disabled zones are not kept, yet bounded")
    func disabled() throws {
        let server = try address("cache 30 {\ndisable success test\n}")
        for _ in 0..<2 { #expect(server.ask("a.test. A") == "NOERROR\na.test. 30 A 192.0.2.1") }
        #expect(server.queries.count == 2)
        _ = server.ask("a.other. A")
        _ = server.ask("a.other. A")
        #expect(server.queries.count == 3)
    }

    @Test(
        "failures are kept for servfail, five seconds unless it says otherwise (RFC 9520)",
        arguments: [("cache", 5), ("cache {\nservfail 0\n}", 0), ("cache {\nservfail 1m\n}", 60)])
    func failures(_ cache: String, _ seconds: Int) throws {
        let server = try server(cache) { [$0.reply(code: 2)] }
        #expect(server.ask("a.test. A") == "SERVFAIL")
        if seconds > 0 {
            server.advance(.milliseconds(seconds * 1000 - 1))
            #expect(server.ask("a.test. A") == "SERVFAIL")
            #expect(server.queries.count == 1)
            server.advance(.milliseconds(1))
        }
        #expect(server.ask("a.test. A") == "SERVFAIL")
        #expect(server.queries.count == 2)
    }

    @Test("each kind gives up its own when it is full")
    func capacity() throws {
        let server = try server("cache {\nsuccess 64\ndenial 64\n}") { query in
            query.parsed.name.hasPrefix("gone")
                ? [query.reply(authority: [.soa("test.")], code: 3)]
                : [query.reply([.a(query.parsed.name, "192.0.2.1")])]
        }
        func count(_ name: String, _ kind: String) -> Int {
            let prefix = "coredns_cache_\(name){server=\"dns://127.0.0.1:53\",type=\"\(kind)\""
            return Int(server.metric(prefix) ?? "") ?? -1
        }
        for number in 0..<200 { _ = server.ask("a\(number).test. A") }
        let kept = count("entries", "success")
        #expect((1...64).contains(kept))
        #expect(count("evictions_total", "success") == 200 - kept)
        #expect(count("entries", "denial") == 0)
        for number in 0..<200 { _ = server.ask("gone\(number).test. A") }
        #expect(count("entries", "success") == kept)
        #expect((1...64).contains(count("entries", "denial")))
        #expect(count("evictions_total", "denial") == 200 - count("entries", "denial"))
    }

    // MARK: Asking again before the end

    @Test("prefetch asks again from the percentage on, once, while hits are answered")
    func prefetch() throws {
        let server = try address("cache {\nprefetch 2 1m 20%\n}", ttl: 100)
        _ = server.ask("a.test. A")
        // The first hit of two, and the second just before the last fifth.
        server.advance(.seconds(30))
        _ = server.ask("a.test. A")
        server.advance(.milliseconds(49_999))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 21 A 192.0.2.1")
        #expect(server.queries.count == 1)
        server.advance(.milliseconds(1))
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 20 A 192.0.2.1")
        #expect(server.queries.count == 2)
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 100 A 192.0.2.1")
        #expect(server.queries.count == 2)
        #expect(server.metric("coredns_cache_prefetch_total") == "1")
    }

    @Test("prefetch: hits with a longer pause between them do not count, nor does one alone")
    func rarelyAsked() throws {
        let server = try address("cache {\nprefetch 2 10s 90%\n}", ttl: 100)
        _ = server.ask("a.test. A")
        for _ in 0..<3 {
            server.advance(.milliseconds(10_001))
            _ = server.ask("a.test. A")
        }
        #expect(server.queries.count == 1)
        server.advance(.seconds(10))
        _ = server.ask("a.test. A")
        #expect(server.queries.count == 2)
    }

    @Test("a prefetch that fails changes nothing, and is not tried again")
    func failedPrefetch() throws {
        let server = try server("cache {\nprefetch 1 1m 50%\n}") {
            $0.number == 0 ? [$0.reply([.a("a.test.", "192.0.2.1", ttl: 10)])] : [$0.reply(code: 2)]
        }
        _ = server.ask("a.test. A")
        server.advance(.seconds(6))
        for _ in 0..<3 { #expect(server.ask("a.test. A") == "NOERROR\na.test. 4 A 192.0.2.1") }
        #expect(server.queries.count == 2)
        server.advance(.seconds(4))
        #expect(server.ask("a.test. A") == "SERVFAIL")
    }

    // MARK: Past the end (RFC 8767)

    /// An upstream that answers once, for 10 seconds, and then as `later` says.
    private func failing(
        _ cache: String, _ later: @escaping ScriptedUpstream.Script = { [$0.reply(code: 2)] }
    ) throws -> MemoryServer {
        let server = try server(cache) {
            $0.number == 0 ? [$0.reply([.a("a.test.", "192.0.2.1", ttl: 10)])] : later($0)
        }
        #expect(server.ask("a.test. A", dnssecOK: false) == "NOERROR\na.test. 10 A 192.0.2.1")
        return server
    }

    private static let old = "NOERROR ede=3\na.test. 0 A 192.0.2.1"

    @Test("stale answers stand in for failing upstreams, to the end of the window", arguments: ["immediate", "verify"])
    func stale(_ mode: String) throws {
        let server = try failing("cache {\nserve_stale 1h \(mode)\n}")
        server.advance(.seconds(10))
        #expect(server.ask("a.test. A", dnssecOK: false) == Self.old)
        #expect(server.queries.count == 2)
        #expect(server.metric("coredns_cache_served_stale_total") == "1")
        server.advance(.milliseconds(3_599_999))
        #expect(server.ask("a.test. A", dnssecOK: false) == Self.old)
        server.advance(.milliseconds(1))
        #expect(server.ask("a.test. A", dnssecOK: false) == "SERVFAIL")
    }

    @Test("an hour is the window that serve_stale alone gives, and without it there is none")
    func staleWindow() throws {
        let hour = try failing("cache {\nserve_stale\n}")
        hour.advance(.milliseconds(3_609_999))
        #expect(hour.ask("a.test. A", dnssecOK: false) == Self.old)
        let none = try failing("cache")
        none.advance(.seconds(10))
        #expect(none.ask("a.test. A", dnssecOK: false) == "SERVFAIL")
    }

    @Test("immediate: the old answer at once, and the new one behind it")
    func immediate() throws {
        let server = try failing("cache {\nserve_stale 1h immediate\n}") { [$0.reply([.a("a.test.", "192.0.2.2")])] }
        server.advance(.seconds(11))
        server.upstreams[0].hold()
        #expect(server.ask("a.test. A", dnssecOK: false) == Self.old)
        // One question is under way for all.
        #expect(server.ask("a.test. A", dnssecOK: false) == Self.old)
        #expect(server.queries.count == 2)
        server.release()
        #expect(server.ask("a.test. A", dnssecOK: false) == "NOERROR\na.test. 300 A 192.0.2.2")
        #expect(server.queries.count == 2)
    }

    @Test("verify: who asks waits for the upstream, and gets the old answer when it is silent")
    func verify() throws {
        let server = try failing("cache {\nserve_stale 1h verify\n}") { _ in [] }
        server.advance(.seconds(10))
        let asked = server.begin("a.test. A", dnssecOK: false)
        #expect(asked.text == "silence")
        server.advance(.seconds(5))
        #expect(asked.text == Self.old)
    }

    @Test("stale answers have the TTL that serve_stale says, and leave upstreams in peace for as long as it says")
    func staleTTL() throws {
        let server = try failing("cache {\nserve_stale 1h verify 0s 7s 30s\n}")
        server.advance(.seconds(10))
        let old = "NOERROR ede=3\na.test. 7 A 192.0.2.1"
        // The first question after the end asks, and so does the first after the pause.
        #expect(server.ask("a.test. A", dnssecOK: false) == old)
        server.advance(.seconds(30))
        #expect(server.ask("a.test. A", dnssecOK: false) == old)
        #expect(server.queries.count == 2)
        server.advance(.milliseconds(1))
        #expect(server.ask("a.test. A", dnssecOK: false) == old)
        #expect(server.queries.count == 3)
    }

    @Test(arguments: [
        ("cache", "no errors"), ("cache 30", "no errors"), ("cache 30 a.test b.test", "no errors"),
        ("cache 0", "cache: found 0, expected a number from 1 to 2147483647"),
        (
            "cache {\nsuccess 5000 3600 60\ndenial 2500 30\nprefetch 10 1m 20%\nserve_stale 1h verify\nservfail 1m\n"
                + "disable success a.test\nkeepttl\n}", "no errors"
        ),
        ("cache\ncache", "cache: found a second cache in this server block, expected one"),
        ("cache {\nprefetch 10 1m 5%\n}", "cache: found prefetch 5%, expected a share of the TTL from 10% to 90%"),
        (
            "cache {\nservfail 10m\n}",
            "cache: found servfail 10m, expected a duration like 5s or 1h30m from 0s to 5m"
        ),
        (
            "cache {\nsize 3\n}",
            "cache: found size, expected success, denial, prefetch, serve_stale, serve_stale_policy, servfail, disable, "
                + "keepttl or follow"
        ),
    ])
    func settings(_ directives: String, _ expected: String) {
        #expect(TestPlan.errors(directives) == expected)
    }
}
