import ClusterModel
import ClusterSource
import DNSServer
import DNSWire
import Synchronization
import TestKit
import Testing

@testable import Plugins

private let soa = "5 IN SOA ns1.dns.ext.test. hostmaster.dns.ext.test. 1700000000 7200 1800 86400 5"
private let shop = [
    namespace("shop"),
    .service(
        ServiceObject(
            key: ObjectKey(namespace: "shop", name: "web"), addressing: .cluster([]), external: ["198.51.100.7"])),
]

@Suite("k8s_external: when not all is known") struct ExternalNotAllKnown {
    private func server(_ properties: String = "", _ forward: String = "") throws -> ClusterServer {
        try ClusterServer("kubernetes cluster.local\nk8s_external ext.test {\n\(properties)\n}\n\(forward)", shop) {
            [$0.reply([.a("ghost.shop.ext.test.", "192.0.2.1")])]
        }
    }

    private func age(of dns: ClusterServer) throws -> DataAge {
        try #require(dns.plugin.following.withLock { $0 }).state.age
    }

    @Test("old data says so, whether the name is there or not") func stale() throws {
        let dns = try server()
        #expect(
            try dns.ask("web.shop.ext.test. A", edns: true) == "NOERROR aa\nweb.shop.ext.test. 5 IN A 198.51.100.7")
        let age = try age(of: dns)
        age.heard(.service, at: .now - .seconds(1000))
        age.review(at: .now)
        #expect(
            try dns.ask("web.shop.ext.test. A", edns: true)
                == "NOERROR aa ede=3\nweb.shop.ext.test. 5 IN A 198.51.100.7")
        #expect(try dns.ask("ghost.shop.ext.test. A", edns: true) == "NXDOMAIN aa ede=3\next.test. \(soa)")
    }

    @Test("a name that another plugin answers is not old") func passedOn() throws {
        let dns = try server("fallthrough", "forward . @UPSTREAM@")
        let age = try age(of: dns)
        age.heard(.service, at: .now - .seconds(1000))
        age.review(at: .now)
        #expect(
            try dns.ask("ghost.shop.ext.test. A", edns: true)
                == "NOERROR\nghost.shop.ext.test. 300 IN A 192.0.2.1")
    }

    @Test("a kind that may not be listed: missing names are not known to be missing")
    func forbidden() throws {
        let dns = try server("headless")
        try age(of: dns).setMissing([.endpointSlice])
        #expect(try dns.ask("ghost.shop.ext.test. A", edns: true) == "SERVFAIL aa ede=14")
        #expect(
            try dns.ask("web.shop.ext.test. A", edns: true) == "NOERROR aa\nweb.shop.ext.test. 5 IN A 198.51.100.7")
        let without = try server()
        try age(of: without).setMissing([.endpointSlice, .pod])
        #expect(try without.ask("ghost.shop.ext.test. A", edns: true) == "NXDOMAIN aa\next.test. \(soa)")
    }
}
