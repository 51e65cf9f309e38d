import DNSWire
import TestKit
import Testing

@testable import ClusterModel

/// Services of all clusters (KEP-1645), beside those of this one.
@Suite("services of a cluster set") struct Imports {
    static let objects = [
        namespace("t"),
        service("t/web", ["10.96.0.10"], ports: ["http/TCP/80"]),
        serviceImport("t/web", ["10.42.0.1", "fd00:42::1"], ports: ["http/TCP/80"]),
        serviceImport("t/db", nil, ports: ["pg/TCP/5432"]),
        slice("t/db-east", ofImport: "db", from: "east", ports: ["pg/TCP/5432"], ["db-0=10.1.0.1", "10.1.0.2"]),
        slice("t/db-west", ofImport: "db", from: "west", ports: ["pg/TCP/5432"], ["db-0=10.2.0.1", "10.1.0.2"]),
        serviceImport("t/portless", ["10.42.0.9"]), serviceImport("ghost/x", ["10.42.0.8"], ports: ["a/TCP/1"]),
    ]

    private func cluster(_ objects: [ClusterObject] = Self.objects) -> TestCluster {
        var options = ModelOptions()
        options.answersImports = true
        return TestCluster(options, objects)
    }

    @Test(
        "records",
        arguments: [
            ("web.t.svc.clusterset.local. A", ["web.t.svc.clusterset.local. 30 A 10.42.0.1"]),
            ("web.t.svc.clusterset.local. AAAA", ["web.t.svc.clusterset.local. 30 AAAA fd00:42::1"]),
            (
                "_http._tcp.web.t.svc.clusterset.local. SRV",
                ["_http._tcp.web.t.svc.clusterset.local. 30 SRV 0 50 80 web.t.svc.clusterset.local."]
            ),
            ("web.t.svc.cluster.local. A", ["web.t.svc.cluster.local. 30 A 10.96.0.10"]),
            (
                "db.t.svc.clusterset.local. A",
                ["10.1.0.1", "10.1.0.2", "10.2.0.1"].map { "db.t.svc.clusterset.local. 30 A \($0)" }
            ),
            ("db-0.east.db.t.svc.clusterset.local. A", ["db-0.east.db.t.svc.clusterset.local. 30 A 10.1.0.1"]),
            ("db-0.west.db.t.svc.clusterset.local. A", ["db-0.west.db.t.svc.clusterset.local. 30 A 10.2.0.1"]),
            ("DB-0.West.db.t.svc.clusterset.local. A", ["DB-0.West.db.t.svc.clusterset.local. 30 A 10.2.0.1"]),
            ("10-1-0-2.west.db.t.svc.clusterset.local. A", ["10-1-0-2.west.db.t.svc.clusterset.local. 30 A 10.1.0.2"]),
            (
                "_pg._tcp.db.t.svc.clusterset.local. SRV",
                ["10-1-0-2.east", "10-1-0-2.west", "db-0.east", "db-0.west"].map {
                    "_pg._tcp.db.t.svc.clusterset.local. 30 SRV 0 25 5432 \($0).db.t.svc.clusterset.local."
                }
            ),
            (
                "db-0.east.db.t.svc.clusterset.local. SRV",
                [
                    "db-0.east.db.t.svc.clusterset.local. 30 SRV 0 100 5432 db-0.east.db.t.svc.clusterset.local."
                ]
            ),
        ])
    func records(_ question: String, _ answer: [String]) {
        #expect(cluster().ask(question).answer.sorted() == answer)
    }

    @Test("names that are not there, and names that are without records") func missing() {
        let dns = cluster()
        for name in [
            "portless.t.svc", "x.ghost.svc", "ghost.t.svc", "db-0.db.t.svc", "db-0.north.db.t.svc", "x.east.db.t.svc",
            "10-42-0-1.east.web.t.svc", "_http._udp.web.t.svc", "a.db-0.east.db.t.svc", "ast.db.t.svc",
        ] {
            #expect(dns.ask("\(name).clusterset.local. A").outcome == .noSuchName, "\(name)")
        }
        for name in ["east.db.t.svc", "WEST.db.t.svc", "_tcp.db.t.svc", "_tcp.web.t.svc", "t.svc", "svc"] {
            #expect(dns.ask("\(name).clusterset.local. A").outcome == .noData, "\(name)")
        }
        for name in ["db.t.svc.cluster.local.", "db-0.east.db.t.svc.cluster.local.", "1.0.42.10.in-addr.arpa."] {
            #expect(dns.ask("\(name) A").outcome == .noSuchName, "\(name)")
            #expect(dns.ask("\(name) PTR").outcome == .noSuchName, "\(name)")
        }
    }

    @Test("SRV comes with the addresses of its targets") func additionals() {
        let reply = cluster().ask("db.t.svc.clusterset.local. SRV")
        #expect(
            reply.additional.sorted() == [
                "10-1-0-2.east.db.t.svc.clusterset.local. 30 A 10.1.0.2",
                "10-1-0-2.west.db.t.svc.clusterset.local. 30 A 10.1.0.2",
                "db-0.east.db.t.svc.clusterset.local. 30 A 10.1.0.1",
                "db-0.west.db.t.svc.clusterset.local. 30 A 10.2.0.1",
            ])
    }

    @Test("imports and services come and go by themselves") func lifecycle() {
        let dns = cluster()
        let before = dns.snapshot.serial
        dns.relist(.service, [])
        #expect(dns.ask("web.t.svc.cluster.local. A").outcome == .noSuchName)
        #expect(dns.ask("web.t.svc.clusterset.local. A").outcome == .records)
        dns.delete(serviceImport("t/web", nil))
        #expect(dns.ask("web.t.svc.clusterset.local. A").outcome == .noSuchName)
        dns.delete(slice("t/db-east", of: "", [String]()))
        #expect(dns.ask("db.t.svc.clusterset.local. A").answer.count == 2)
        #expect(dns.ask("east.db.t.svc.clusterset.local. A").outcome == .noSuchName)
        dns.relist(.serviceImport, [])
        #expect(dns.ask("db.t.svc.clusterset.local. A").outcome == .noSuchName)
        dns.store(serviceImport("t/db", nil))
        #expect(dns.ask("db.t.svc.clusterset.local. A").answer.count == 2)
        dns.relist(.endpointSlice, [])
        #expect(dns.ask("db.t.svc.clusterset.local. A").outcome == .noSuchName)
        #expect(dns.snapshot.serial > before)
    }

    @Test("a slice may belong to a service here and to an import") func bothOwners() {
        guard case .endpointSlice(var both) = slice("t/both", of: "web", ports: ["http/TCP/8080"], ["10.9.0.1"]) else {
            return
        }
        both.origin = ImportOrigin(service: "db", cluster: "here")
        let dns = cluster(Self.objects + [.endpointSlice(both)])
        #expect(dns.ask("10-9-0-1.web.t.svc.cluster.local. A").outcome == .records)
        #expect(dns.ask("10-9-0-1.here.db.t.svc.clusterset.local. A").outcome == .records)
        #expect(dns.ask("1.0.9.10.in-addr.arpa. PTR").answer.count == 1)
        both.origin = nil
        dns.store(.endpointSlice(both))
        #expect(dns.ask("10-9-0-1.web.t.svc.cluster.local. A").outcome == .records)
        #expect(dns.ask("10-9-0-1.here.db.t.svc.clusterset.local. A").outcome == .noSuchName)
    }

    @Test("nothing of it without the option") func off() {
        let dns = TestCluster(Self.objects)
        #expect(dns.ask("web.t.svc.clusterset.local. A").outcome == .noSuchName)
    }

    @Test("a copy has them in their zone and nowhere else") func copies() throws {
        let dns = cluster()
        let set = try dns.copy("clusterset.local").records
        let own = try dns.copy("cluster.local").records
        #expect(set.count == 1 + 2 + 1 + 3 + 3 + 4 + 3 + 4 + 4 + 4)
        #expect(own.filter { $0.contains("web.t") }.count == 4)
        for (owner, records) in Dictionary(grouping: set, by: { String($0.split(separator: " ")[0]) }) {
            #expect(records.sorted() == dns.asked(owner).sorted(), "\(owner)")
        }
        #expect(!own.contains { $0.contains("clusterset") || $0.hasPrefix("db") })
    }

    @Test("a saved index has them too") func saved() throws {
        let dns = cluster()
        var octets: [UInt8] = []
        dns.index.save { octets += $0.array }
        var options = ModelOptions()
        options.answersImports = true
        let restored = try #require(withBytes(octets) { ClusterIndex(restoring: $0, options: options) })
        let again = TestCluster(options)
        again.take(restored)
        for name in ["web.t.svc.clusterset.local. A", "db-0.west.db.t.svc.clusterset.local. SRV"] {
            #expect(again.ask(name) == dns.ask(name))
            #expect(again.ask(name).outcome == .records)
        }
    }
}
