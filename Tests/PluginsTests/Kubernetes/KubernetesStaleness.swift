import ClusterModel
import ClusterSource
import DNSServer
import DNSWire
import Synchronization
import TestKit
import Testing

@testable import Plugins

private let zones = "kubernetes cluster.local in-addr.arpa"
private let web = "web.shop.svc.cluster.local. 5 IN A 10.96.0.10"
private let shop = [
    namespace("shop"), service("shop/web", "10.96.0.10"),
    .service(ServiceObject(key: ObjectKey(namespace: "shop", name: "db"), addressing: .headless)),
]

@Suite("kubernetes: old data") struct KubernetesStaleness {
    private func age(of dns: ClusterServer) throws -> DataAge {
        try #require(dns.plugin.following.withLock { $0 }).state.age
    }

    @Test("past the limit every answer says so (RFC 8914 §4.4), until the API server is heard again")
    func stale() throws {
        let dns = try ClusterServer("\(zones) {\nstale_after 1m\n}", shop)
        let age = try age(of: dns)
        let start = ContinuousClock.now
        age.heard(.service, at: start)
        age.heard(.endpointSlice, at: start + .seconds(30))
        age.review(at: start + .seconds(59))
        #expect(try dns.ask("web.shop.svc.cluster.local. A", edns: true) == "NOERROR aa\n\(web)")
        // The kind that was not heard for longest counts.
        age.review(at: start + .seconds(60))
        #expect(try dns.ask("web.shop.svc.cluster.local. A", edns: true) == "NOERROR aa ede=3\n\(web)")
        #expect(try dns.ask("web.shop.svc.cluster.local. A") == "NOERROR aa\n\(web)")
        #expect(try dns.ask("ghost.shop.svc.cluster.local. A", edns: true).hasPrefix("NXDOMAIN aa ede=3\n"))
        #expect(dns.plugin.isReady == true)
        age.heard(.service, at: start + .seconds(61))
        #expect(try dns.ask("web.shop.svc.cluster.local. A", edns: true) == "NOERROR aa\n\(web)")
    }

    @Test("a name that another plugin answers is not old") func passedOn() throws {
        let dns = try ClusterServer("\(zones) {\nfallthrough\n}\nforward . @UPSTREAM@", shop) {
            [$0.reply([.a("ghost.shop.svc.cluster.local.", "192.0.2.1")])]
        }
        let age = try age(of: dns)
        age.heard(.service, at: .now - .seconds(1000))
        age.review(at: .now)
        #expect(age.isStale)
        #expect(
            try dns.ask("ghost.shop.svc.cluster.local. A", edns: true)
                == "NOERROR\nghost.shop.svc.cluster.local. 300 IN A 192.0.2.1")
    }

    @Test("when it is looked at again: at the limit, and not before") func reviews() {
        let age = DataAge(limit: .seconds(300))
        let start = ContinuousClock.now
        #expect(age.age(at: start) == nil)
        #expect(age.review(at: start) == .seconds(300))
        age.heard(.service, at: start)
        #expect(age.review(at: start + .seconds(100)) == .seconds(200))
        #expect(!age.isStale)
        #expect(age.review(at: start + .seconds(300)) == .seconds(300))
        #expect(age.isStale)
        #expect(age.age(at: start + .seconds(400)) == .seconds(400))
        let never = DataAge(limit: nil)
        never.heard(.service, at: start)
        #expect(never.review(at: start + .seconds(1_000_000)) == nil)
        #expect(!never.isStale)
    }
}

@Suite("kubernetes: kinds that the API server does not let us list") struct KubernetesMissingKinds {
    private func server(_ missing: Set<ObjectKind>, _ directive: String = zones) throws -> ClusterServer {
        let dns = try ClusterServer(directive, shop) { [$0.reply([.a("db.shop.svc.cluster.local.", "192.0.2.1")])] }
        let state = try #require(dns.plugin.following.withLock { $0 }).state
        for kind in missing { state.setForbidden(kind, true) }
        state.age.setMissing(missing)
        return dns
    }

    @Test(
        "without EndpointSlices: what they cannot change is answered, what they could make exist is unknown",
        arguments: [
            ("web.shop.svc.cluster.local. A", "NOERROR aa\n\(web)"),
            (
                "10.0.96.10.in-addr.arpa. PTR",
                "NOERROR aa\n10.0.96.10.in-addr.arpa. 5 IN PTR web.shop.svc.cluster.local."
            ),
            ("db.shop.svc.cluster.local. A", "SERVFAIL aa ede=14"),
            ("db-0.db.shop.svc.cluster.local. AAAA", "SERVFAIL aa ede=14"),
            ("_pg._tcp.db.shop.svc.cluster.local. SRV", "SERVFAIL aa ede=14"),
            ("1.0.244.10.in-addr.arpa. PTR", "SERVFAIL aa ede=14"),
            ("ghost.shop.svc.cluster.local. A", "NXDOMAIN aa"), ("www.test.shop.svc.cluster.local. A", "NXDOMAIN aa"),
            ("ghost.nowhere.svc.cluster.local. A", "NXDOMAIN aa"), ("x.cluster.local. A", "NXDOMAIN aa"),
            ("cluster.local. A", "NOERROR aa"),
        ])
    func slices(_ question: String, _ expected: String) throws {
        let dns = try server([.endpointSlice])
        let answer = try dns.ask(question, edns: true)
        #expect(
            expected.contains("\n")
                ? answer == expected : answer.split(separator: "\n").first.map(String.init) == expected)
    }

    @Test("without Pods: their names are unknown, those of services are not") func pods() throws {
        let dns = try server([.pod], "\(zones) {\npods verified\n}")
        #expect(try dns.ask("10-0-0-1.shop.pod.cluster.local. A", edns: true) == "SERVFAIL aa ede=14")
        #expect(try dns.ask("ghost.shop.svc.cluster.local. A", edns: true).hasPrefix("NXDOMAIN aa\n"))
    }

    @Test("an unknown name is not passed on as missing") func notPassedOn() throws {
        let dns = try server([.endpointSlice], "\(zones) {\nfallthrough\n}\nforward . @UPSTREAM@")
        #expect(try dns.ask("db.shop.svc.cluster.local. A", edns: true) == "SERVFAIL aa ede=14")
    }

    @Test("not ready, and why") func readiness() throws {
        let dns = try server([.endpointSlice, .pod])
        #expect(dns.plugin.isReady == false)
        #expect(dns.plugin.unreadiness == "forbidden to list endpointslices and pods")
        let state = try #require(dns.plugin.following.withLock { $0 }).state
        for kind in [ObjectKind.endpointSlice, .pod] { state.setForbidden(kind, false) }
        state.age.setMissing([])
        #expect(dns.plugin.isReady == true)
        #expect(dns.plugin.unreadiness == nil)
    }
}
