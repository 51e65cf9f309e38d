import DNSServer
import TestKit
import Testing

@Suite("chain: what is known of a query survives waiting for the network") struct WaitingExchanges {
    private static let cluster = [namespace("shop"), externalName("shop/out", "a.test")]
    private static let corefile = "kubernetes cluster.local\ncache\nforward . @UPSTREAM@"

    @Test("the extended error of old data, whether the target is asked upstream or kept") func extendedError() throws {
        let dns = try MemoryServer(Self.corefile, Self.cluster) { [$0.reply([.a("a.test.", "192.0.2.1")])] }
        try #require(dns.cluster).growOld()
        let answer = "NOERROR aa ede=3\nout.shop.svc.cluster.local. 5 CNAME a.test.\na.test. 300 A 192.0.2.1"
        #expect(dns.ask("out.shop.svc.cluster.local. A", dnssecOK: false) == answer)
        #expect(dns.queries.count == 1)
        #expect(dns.ask("out.shop.svc.cluster.local. A", dnssecOK: false) == answer)
        #expect(dns.queries.count == 1)
    }
}
