import TestKit
import Testing

@Suite("cancel: queries that have waited too long") struct CancelledQueries {
    @Test("are answered at their time, not before") func deadline() throws {
        let dns = try MemoryServer("cancel 300ms\nforward . @UPSTREAM@", upstreams: [{ _ in [] }])
        let asked = dns.begin("a.test. A", dnssecOK: false)
        dns.advance(.milliseconds(299))
        #expect(asked.octets == nil)
        dns.advance(.milliseconds(2))
        #expect(asked.text == "SERVFAIL ede=23")
        #expect(dns.failures == ["cancelled: it has waited too long"])
    }

    @Test("a reply that comes later changes nothing") func late() throws {
        let dns = try MemoryServer("cancel 300ms\nforward . @UPSTREAM@") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        dns.upstreams[0].hold()
        let asked = dns.begin("a.test. A")
        dns.advance(.milliseconds(301))
        dns.release()
        #expect(asked.text == "SERVFAIL")
        #expect(dns.ask("a.test. A").hasPrefix("NOERROR"))
    }

    @Test("questions that a plugin asks have the time of the client's") func subqueries() throws {
        let dns = try MemoryServer(
            "cancel 300ms\nrewrite name a.test b.test\nforward . @UPSTREAM@", upstreams: [{ _ in [] }])
        let asked = dns.begin("a.test. A")
        dns.advance(.milliseconds(301))
        #expect(asked.text == "SERVFAIL")
    }

    @Test("an answer in time is left alone, and 5001 ms are the time without an argument") func inTime() throws {
        let dns = try MemoryServer("cancel\nforward . @UPSTREAM@") { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        #expect(dns.ask("a.test. A").hasPrefix("NOERROR"))
        dns.advance(.seconds(10))
        #expect(dns.failures.isEmpty)
    }
}
