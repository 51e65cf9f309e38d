import DNSWire
import TestKit
import Testing

@testable import ClusterModel

@Suite("names of topology zones") struct TopologyZones {
    private static func endpoint(_ address: String, _ zone: String, _ hostname: String = "") -> Endpoint {
        Endpoint(addresses: [IPAddress(address)].compactMap(\.self), hostname: hostname, zone: zone)
    }

    static let endpoints = [
        endpoint("10.1.0.1", "eu-1a", "db-0"), endpoint("10.1.0.2", "eu-1a"), endpoint("10.1.0.3", "eu-1b"),
        endpoint("10.1.0.4", "site.two"), endpoint("10.1.0.5", ""),
    ]
    static let objects = [
        namespace("t"), headless("t/db", ports: ["pg/TCP/5432"]),
        slice("t/db-1", of: "db", ports: ["pg/TCP/5432"], endpoints), headless("t/empty"),
        service("t/web", ["10.96.0.10"]), externalName("t/far", "far.test"),
    ]

    private func cluster(_ objects: [ClusterObject] = Self.objects) -> TestCluster {
        var options = ModelOptions()
        options.answersZones = true
        return TestCluster(options, objects)
    }

    @Test(arguments: [
        ("eu-1a.pin", ["10.1.0.1", "10.1.0.2"]), ("EU-1A.Pin", ["10.1.0.1", "10.1.0.2"]), ("eu-1b.pin", ["10.1.0.3"]),
        ("site.two.pin", ["10.1.0.4"]), ("two.pin", []), ("elsewhere.pin", []), ("eu-1b.prefer", ["10.1.0.3"]),
        ("elsewhere.prefer", ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"]),
        ("a.b.c.d.e.f.g.prefer", ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"]),
    ])
    func addresses(_ name: String, _ addresses: [String]) {
        let full = "\(name)._zone.db.t.svc"
        let reply = cluster().ask("\(full) A")
        #expect(reply.outcome == (addresses.isEmpty ? .noData : .records))
        #expect(reply.answer.sorted() == addresses.map { "\(full).cluster.local. 30 A \($0)" })
        #expect(cluster().ask("\(full) AAAA").outcome == .noData)
        #expect(cluster().ask("\(full) TXT").outcome == .noData)
    }

    @Test("a zone has up to 120 octets, with the length of each of its labels", arguments: [54, 55, 56])
    func longest(_ count: Int) {
        let zone = String(repeating: "a", count: 63) + "." + String(repeating: "b", count: count)
        let dns = cluster([
            namespace("t"), headless("t/db", ports: ["pg/TCP/5432"]),
            slice("t/db-1", of: "db", ports: ["pg/TCP/5432"], [Self.endpoint("10.1.0.1", zone)]),
        ])
        #expect((dns.ask("\(zone).pin._zone.db.t.svc A").outcome == .records) == (count <= 55))
    }

    @Test("SRV leads to the endpoints' own names, weighted among those of the zone") func servers() {
        let reply = cluster().ask("eu-1a.pin._zone.db.t.svc SRV")
        #expect(
            reply.answer.sorted() == [
                "eu-1a.pin._zone.db.t.svc.cluster.local. 30 SRV 0 50 5432 10-1-0-2.db.t.svc.cluster.local.",
                "eu-1a.pin._zone.db.t.svc.cluster.local. 30 SRV 0 50 5432 db-0.db.t.svc.cluster.local.",
            ])
        #expect(
            reply.additional.sorted() == [
                "10-1-0-2.db.t.svc.cluster.local. 30 A 10.1.0.2", "db-0.db.t.svc.cluster.local. 30 A 10.1.0.1",
            ])
    }

    @Test("what has no such names") func missing() {
        let dns = cluster()
        for name in [
            "x.pin._zone.web.t.svc", "x.pin._zone.far.t.svc", "x.pin._zone.ghost.t.svc", "x.pin._zone.db.ghost.svc",
            "x.near._zone.db.t.svc", "x.pin.zone.db.t.svc", "_zone.web.t.svc", "pin._zone.web.t.svc",
            "x.pin._zone.db.t.pod", "near._zone.db.t.svc",
        ] {
            #expect(dns.ask("\(name) A").outcome == .noSuchName, "\(name)")
        }
        // Above names that exist, and a service without endpoints anywhere.
        for name in ["_zone.db.t.svc", "pin._zone.db.t.svc", "prefer._zone.db.t.svc", "x.prefer._zone.empty.t.svc"] {
            #expect(dns.ask("\(name) A").outcome == .noData, "\(name)")
        }
        let off = TestCluster(Self.objects)
        for name in ["eu-1a.pin._zone.db.t.svc", "pin._zone.db.t.svc", "_zone.db.t.svc"] {
            #expect(off.ask("\(name) A").outcome == .noSuchName, "\(name)")
        }
        #expect(dns.ask("db.t.svc A").answer.count == 5)
    }

    @Test("zones follow their endpoints") func changes() {
        let dns = cluster()
        func count(_ zone: String) -> Int { dns.ask("\(zone).pin._zone.db.t.svc A").answer.count }
        dns.store(slice("t/db-2", of: "db", [Self.endpoint("10.1.0.9", "eu-1c")]))
        #expect([count("eu-1a"), count("eu-1c")] == [2, 1])
        dns.store(slice("t/db-1", of: "db", [Self.endpoint("10.1.0.1", "eu-1c")]))
        #expect([count("eu-1a"), count("eu-1b"), count("eu-1c")] == [0, 0, 2])
        dns.store(service("t/db", ["10.96.0.11"]))
        #expect(dns.ask("eu-1c.pin._zone.db.t.svc A").outcome == .noSuchName)
        dns.store(headless("t/db"))
        #expect(count("eu-1c") == 2)
        dns.delete(headless("t/db"))
        dns.relist(.endpointSlice, [])
        #expect(dns.ask("eu-1c.pin._zone.db.t.svc A").outcome == .noSuchName)
        let bare = cluster(Self.objects.filter { $0.key.name != "db" && $0.key.name != "db-1" })
        #expect(dns.snapshot.octetCount == bare.snapshot.octetCount, "nothing is left behind")
    }

    @Test("copies of the zone leave them out; a saved index has them") func elsewhere() throws {
        let dns = cluster()
        #expect(try !dns.copy("cluster.local").records.contains { $0.contains("_zone") })
        #expect(
            try dns.copy("cluster.local").records.count == TestCluster(Self.objects).copy("cluster.local").records.count
        )
        var octets: [UInt8] = []
        dns.index.save { octets += $0.array }
        var options = ModelOptions()
        options.answersZones = true
        let restored = try #require(withBytes(octets) { ClusterIndex(restoring: $0, options: options) })
        let again = TestCluster(options)
        again.take(restored)
        #expect(again.ask("eu-1a.pin._zone.db.t.svc A").answer.count == 2)
    }

    @Test("a zone that is no name is no zone") func noNames() {
        let long = Array(repeating: "long-label", count: 12).joined(separator: ".")
        let dns = cluster([
            namespace("t"), headless("t/db"),
            slice(
                "t/db-1", of: "db",
                ["a..b", String(repeating: "x", count: 64), long].map { Self.endpoint("10.1.0.1", $0) }),
        ])
        #expect(dns.ask("db.t.svc A").answer.count == 1)
        #expect(dns.ask("\(long).pin._zone.db.t.svc A").outcome == .noData)
    }
}
