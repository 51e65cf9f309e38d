import DNSWire
import TestKit
import Testing
import Text

@testable import ClusterModel

extension TestCluster {
    /// Every record of a zone as `ZoneWalk` gives them, in messages of at most `size` octets.
    func copy(_ zone: String, size: Int = 16_383) throws -> (records: [String], sizes: [Int]) {
        let name = try #require(Name(zone))
        let walk = ZoneWalk(
            snapshot, zone: name, isMulticluster: name == Self.clusterSet, primaryZone: Name(Self.zoneText) ?? .root,
            ttl: ttl)
        let message = ByteBlock([0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name.wire + [0, 252, 0, 1])
        let scratch = ByteBlock(capacity: 255)
        let buffer = ByteBlock(capacity: 65_535)
        var query = Query()
        #expect(QuestionParser.parse(message.view, into: &query, scratch: scratch.bytes) == .accepted)
        var records: [String] = []
        var sizes: [Int] = []
        var isWhole = false
        while !isWhole, sizes.count < 100_000 {
            var response = MessageWriter(buffer.bytes)
            response.begin(message.view, query, size: 65_535)
            response.limit(to: size)
            isWhole = walk.append(to: &response)
            let length = response.finish(query)
            #expect(length <= size)
            sizes.append(length)
            records += Self.read(.records, buffer, length, query.questionEnd, false).answer
        }
        #expect(isWhole)
        withExtendedLifetime((message, scratch)) {}
        return (records, sizes)
    }

    /// What questions for a record's name and type say, SOA, NS and `ns.dns` aside.
    func asked(_ name: String) -> [String] {
        ["A", "AAAA", "SRV", "CNAME", "TXT", "PTR"].flatMap { type in
            ask("\(name) \(type)").answer.filter { $0.split(separator: " ")[2] == type }
        }
    }
}

@Suite("copies of zones") struct ZoneCopies {
    static let objects = [
        namespace("t"), namespace("u"),
        service("t/web", ["10.96.0.10", "fd00:96::10"], ports: ["http/TCP/80", "dns/UDP/53"]),
        service("t/plain", ["10.96.0.11"]), slice("t/web-1", of: "web", ports: ["http/TCP/8080"], ["10.244.1.1"]),
        headless("t/db", ports: ["pg/TCP/5432"]),
        slice("t/db-1", of: "db", ports: ["pg/TCP/5432"], ["db-0=10.244.2.1", "10.244.2.2", "fd00:244::2"]),
        externalName("u/far", "Far.test"), headless("u/empty"), service("ghost/x", ["10.96.0.99"]),
        pod("t/p", ["10.244.2.2"]), pod("u/host", ["192.0.2.1"], usesHostNetwork: true),
        pod("u/host2", ["192.0.2.1"], usesHostNetwork: true),
    ]

    @Test("a zone as its records are read") func forward() throws {
        let dns = TestCluster(ModelOptions(pods: .verified), Self.objects)
        let expected = """
            dns-version.cluster.local. 28800 TXT "1.1.0"
            web.t.svc.cluster.local. 30 A 10.96.0.10
            web.t.svc.cluster.local. 30 AAAA fd00:96::10
            web.t.svc.cluster.local. 30 SRV 0 25 80 web.t.svc.cluster.local.
            web.t.svc.cluster.local. 30 SRV 0 25 53 web.t.svc.cluster.local.
            _http._tcp.web.t.svc.cluster.local. 30 A 10.96.0.10
            _http._tcp.web.t.svc.cluster.local. 30 AAAA fd00:96::10
            _http._tcp.web.t.svc.cluster.local. 30 SRV 0 50 80 web.t.svc.cluster.local.
            _dns._udp.web.t.svc.cluster.local. 30 A 10.96.0.10
            _dns._udp.web.t.svc.cluster.local. 30 AAAA fd00:96::10
            _dns._udp.web.t.svc.cluster.local. 30 SRV 0 50 53 web.t.svc.cluster.local.
            10-244-1-1.web.t.svc.cluster.local. 30 A 10.244.1.1
            10-244-1-1.web.t.svc.cluster.local. 30 SRV 0 100 8080 10-244-1-1.web.t.svc.cluster.local.
            plain.t.svc.cluster.local. 30 A 10.96.0.11
            db.t.svc.cluster.local. 30 A 10.244.2.1
            db.t.svc.cluster.local. 30 A 10.244.2.2
            db.t.svc.cluster.local. 30 AAAA fd00:244::2
            db.t.svc.cluster.local. 30 SRV 0 33 5432 db-0.db.t.svc.cluster.local.
            db.t.svc.cluster.local. 30 SRV 0 33 5432 10-244-2-2.db.t.svc.cluster.local.
            db.t.svc.cluster.local. 30 SRV 0 33 5432 fd00-244--2.db.t.svc.cluster.local.
            _pg._tcp.db.t.svc.cluster.local. 30 A 10.244.2.1
            _pg._tcp.db.t.svc.cluster.local. 30 A 10.244.2.2
            _pg._tcp.db.t.svc.cluster.local. 30 AAAA fd00:244::2
            _pg._tcp.db.t.svc.cluster.local. 30 SRV 0 33 5432 db-0.db.t.svc.cluster.local.
            _pg._tcp.db.t.svc.cluster.local. 30 SRV 0 33 5432 10-244-2-2.db.t.svc.cluster.local.
            _pg._tcp.db.t.svc.cluster.local. 30 SRV 0 33 5432 fd00-244--2.db.t.svc.cluster.local.
            db-0.db.t.svc.cluster.local. 30 A 10.244.2.1
            db-0.db.t.svc.cluster.local. 30 SRV 0 100 5432 db-0.db.t.svc.cluster.local.
            10-244-2-2.db.t.svc.cluster.local. 30 A 10.244.2.2
            10-244-2-2.db.t.svc.cluster.local. 30 SRV 0 100 5432 10-244-2-2.db.t.svc.cluster.local.
            fd00-244--2.db.t.svc.cluster.local. 30 AAAA fd00:244::2
            fd00-244--2.db.t.svc.cluster.local. 30 SRV 0 100 5432 fd00-244--2.db.t.svc.cluster.local.
            far.u.svc.cluster.local. 30 CNAME Far.test.
            10-244-2-2.t.pod.cluster.local. 30 A 10.244.2.2
            192-0-2-1.u.pod.cluster.local. 30 A 192.0.2.1
            """
        #expect(
            try dns.copy("cluster.local").records.sorted() == expected.split(separator: "\n").map(String.init).sorted())
    }

    @Test("reverse zones have what lies below them") func reverse() throws {
        let dns = TestCluster(ModelOptions(pods: .verified), Self.objects)
        let endpoints = [
            "1.1.244.10.in-addr.arpa. 30 PTR 10-244-1-1.web.t.svc.cluster.local.",
            "1.2.244.10.in-addr.arpa. 30 PTR db-0.db.t.svc.cluster.local.",
            "2.2.244.10.in-addr.arpa. 30 PTR 10-244-2-2.db.t.svc.cluster.local.",
        ]
        let services = [
            "10.0.96.10.in-addr.arpa. 30 PTR web.t.svc.cluster.local.",
            "11.0.96.10.in-addr.arpa. 30 PTR plain.t.svc.cluster.local.",
            "99.0.96.10.in-addr.arpa. 30 PTR x.ghost.svc.cluster.local.",
        ]
        func pointers(_ zone: String) throws -> [String] {
            try dns.copy(zone).records.filter { $0.contains(" PTR ") }.sorted()
        }
        #expect(try pointers("in-addr.arpa") == (endpoints + services).sorted())
        #expect(try pointers("244.10.in-addr.arpa") == endpoints)
        #expect(try pointers("ip6.arpa").count == 2)
        #expect(try dns.copy("in-addr.arpa").records.contains("dns-version.in-addr.arpa. 28800 TXT \"1.1.0\""))
    }

    @Test("the copy says of each name what questions for it say", arguments: 0..<UInt64(20))
    func agreement(_ seed: UInt64) throws {
        var world = RandomCluster(dice: SeededRandom(seed: seed))
        let dns = TestCluster(
            ModelOptions(pods: .verified, ignoresEmptyServices: seed % 2 == 0), seed: seed,
            RandomCluster.namespaces.map(namespace) + (0..<40).map { _ in world.object() })
        for zone in ["cluster.local", "in-addr.arpa", "ip6.arpa"] {
            let (records, _) = try dns.copy(zone)
            #expect(Set(records).count == records.count, "each once")
            let byOwner = Dictionary(grouping: records) { String($0.split(separator: " ")[0]) }
            for (owner, copied) in byOwner { #expect(copied.sorted() == dns.asked(owner).sorted(), "\(owner)") }
            // Names without their underscores are another spelling of those with them.
            for name in RandomCluster.names + RandomCluster.reverseNames where !name.hasPrefix("http.tcp.") {
                let full = name.hasSuffix(".") ? name : name + ".cluster.local."
                guard full.hasSuffix(zone + "."), !dns.asked(full).isEmpty else { continue }
                #expect(byOwner[full] != nil, "\(full)")
            }
            // Cut anywhere, nothing is lost and nothing twice.
            for size in [400, 700, 2000] {
                let pieces = try dns.copy(zone, size: size)
                #expect(pieces.records == records, "\(size)")
            }
        }
    }

    @Test("a name with more records than a message holds goes on in the next") func large() throws {
        let endpoints = (0..<3000).map { "10.\(1 + $0 / 62500).\($0 / 250 % 250).\($0 % 250)" }
        let shared = (0..<600).map { "same=10.200.\($0 / 250).\($0 % 250)" }
        let dns = TestCluster([
            namespace("t"), headless("t/big"),
            slice("t/big-1", of: "big", ports: ["a/TCP/1", "b/UDP/2"], endpoints + shared),
        ])
        let (records, sizes) = try dns.copy("cluster.local")
        // Addresses, SRV and their double for two port names, and as names of their own: one for each, one for all.
        let names = 3000 + 1
        #expect(records.count == 1 + 3 * 3600 + 4 * names + 3600 + 2 * names)
        #expect(Set(records).count == records.count)
        #expect(sizes.count > 20)
        #expect(sizes.dropLast().allSatisfy { $0 > 16_000 })
    }

    @Test("a cluster without anything") func empty() throws {
        #expect(try TestCluster([]).copy("cluster.local").records == ["dns-version.cluster.local. 28800 TXT \"1.1.0\""])
    }

    @Test("what changes meanwhile is not seen") func snapshotIsKept() throws {
        let dns = TestCluster(ModelOptions(pods: .verified), Self.objects)
        let whole = try dns.copy("cluster.local", size: 300).records
        let walk = ZoneWalk(dns.snapshot, zone: try #require(Name("cluster.local")), primaryZone: .root, ttl: 30)
        let before = dns.snapshot.serial
        dns.relist(.service, [])
        dns.relist(.endpointSlice, [])
        #expect(walk.snapshot.serial == before)
        #expect(dns.snapshot.serial != before)
        #expect(try dns.copy("cluster.local").records.count < whole.count)
    }
}
