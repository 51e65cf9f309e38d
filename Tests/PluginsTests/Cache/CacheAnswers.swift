import DNSServer
import DNSWire
import EventLoop
import Synchronization
import TestKit
import Testing

@testable import Plugins

@Suite("cache: replies are kept as long as they hold") struct CacheAnswers {
    private func server(_ cache: String, _ script: @escaping ScriptedUpstream.Script) async throws -> (
        LiveServer, ScriptedUpstream
    ) {
        let upstream = try await ScriptedUpstream.start(script)
        return (try await LiveServer("\(cache)\nforward . \(upstream.address)"), upstream)
    }

    @Test("a hit asks nobody, keeps each TTL apart, and is not authoritative")
    func hit() async throws {
        let (server, upstream) = try await server("cache") {
            [$0.reply([.cname("a.test.", "b.test.", ttl: 3000), .a("b.test.", "192.0.2.1", ttl: 600)])]
        }
        let first = await server.ask("a.test. A")
        #expect(first == "NOERROR\na.test. 3000 CNAME b.test.\nb.test. 600 A 192.0.2.1")
        let second = await server.ask("a.test. A")
        #expect(second.hasPrefix("NOERROR\na.test. "))
        #expect(upstream.queries.count == 1)
        let hits = server.metrics.text.split(separator: "\n").first {
            $0.hasPrefix("coredns_cache_hits_total") && $0.contains(#"type="success""#)
        }
        #expect(hits?.hasSuffix(" 1") == true)
    }

    @Test("a hit of another letter case has the asker's")
    func letterCase() async throws {
        let (server, upstream) = try await server("cache") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        _ = await server.ask("a.test. A")
        #expect(await server.ask("A.Test. A").hasPrefix("NOERROR\nA.Test. "))
        #expect(upstream.queries.count == 1)
    }

    @Test("TTLs fall with age")
    func age() async throws {
        let (server, upstream) = try await server("cache") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        #expect(await server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(await eventually { await server.ask("a.test. A").hasPrefix("NOERROR\na.test. 29") })
        #expect(upstream.queries.count == 1)
    }

    @Test("TTLs are bounded in the first answer too")
    func bounded() async throws {
        let (server, _) = try await server("cache 30") { [$0.reply([.a("a.test.", "192.0.2.1", ttl: 86400)])] }
        let answer = await server.ask("a.test. A")
        #expect(answer == "NOERROR\na.test. 30 A 192.0.2.1")
    }

    @Test("DO and CD are questions of their own")
    func keys() async throws {
        let (server, upstream) = try await server("cache") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        for _ in 0..<2 {
            _ = await server.ask("a.test. A")
            _ = await server.ask("a.test. A", checkingDisabled: true)
            _ = await server.ask("a.test. A", dnssecOK: true)
        }
        #expect(upstream.queries.count == 3)
    }

    @Test(
        "what is kept and what is not",
        arguments: [
            ("NXDOMAIN with SOA", 1), ("NODATA with SOA", 1), ("NXDOMAIN", 2), ("NODATA", 2), ("TTL 0", 2),
            ("REFUSED", 2), ("SERVFAIL", 1),
        ])
    func kept(_ reply: String, _ queries: Int) async throws {
        let (server, upstream) = try await server("cache") { query in
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
        let first = await server.ask("a.test. A")
        #expect(await server.ask("a.test. A").prefix(7) == first.prefix(7))
        #expect(upstream.queries.count == queries)
    }

    @Test("disabled zones are not kept, yet bounded")
    func disabled() async throws {
        let (server, upstream) = try await server("cache 30 {\ndisable success test\n}") {
            [$0.reply([.a("a.test.", "192.0.2.1")])]
        }
        for _ in 0..<2 { #expect(await server.ask("a.test. A") == "NOERROR\na.test. 30 A 192.0.2.1") }
        #expect(upstream.queries.count == 2)
    }

    @Test("servfail 0 keeps no failures")
    func failures() async throws {
        let (server, upstream) = try await server("cache {\nservfail 0\n}") { [$0.reply(code: 2)] }
        for _ in 0..<2 { #expect(await server.ask("a.test. A") == "SERVFAIL") }
        #expect(upstream.queries.count == 2)
    }

    @Test("prefetch asks again in the last part of the lifetime while hits are answered")
    func prefetch() async throws {
        let (server, upstream) = try await server("cache {\nprefetch 1 1m 90%\n}") {
            [$0.reply([.a("a.test.", "192.0.2.1", ttl: 8)])]
        }
        #expect(
            await eventually {
                let answer = await server.ask("a.test. A")
                return answer.hasPrefix("NOERROR") && upstream.queries.count >= 2
            })
        #expect(server.metric("coredns_cache_prefetch_total") == "1")
    }

    @Test("stale answers stand in for silent upstreams", arguments: ["immediate", "verify"])
    func stale(_ mode: String) async throws {
        let (server, upstream) = try await server("cache {\nserve_stale 1h \(mode)\n}") {
            $0.number == 0 ? [$0.reply([.a("a.test.", "192.0.2.1", ttl: 1)])] : [$0.reply(code: 2)]
        }
        #expect(await server.ask("a.test. A", dnssecOK: false) == "NOERROR\na.test. 1 A 192.0.2.1")
        var answer = ""
        _ = await eventually {
            answer = await server.ask("a.test. A", dnssecOK: false)
            return answer != "NOERROR\na.test. 1 A 192.0.2.1"
        }
        #expect(answer == "NOERROR ede=3\na.test. 0 A 192.0.2.1")
        await upstream.received(2)
        #expect(server.metric("coredns_cache_served_stale_total").flatMap(Int.init) ?? 0 > 0)
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
            "cache: found size, expected success, denial, prefetch, serve_stale, serve_stale_policy, servfail, disable "
                + "or keepttl"
        ),
    ])
    func settings(_ directives: String, _ expected: String) {
        #expect(LiveServer.errors(directives) == expected)
    }
}
