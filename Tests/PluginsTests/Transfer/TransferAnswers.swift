import ClusterModel
import DNSServer
import DNSWire
import EventLoop
import TestKit
import Testing

@testable import Plugins

private let objects = [
    namespace("shop"), service("shop/web", "10.96.0.10"), service("shop/api", "10.96.0.11"),
    externalName("shop/far", "a.test"), pod("shop/p", "10.244.0.7"),
]
private let kubernetes = "kubernetes cluster.local in-addr.arpa {\npods verified\n}"
private let everybody = "transfer {\nto *\n}\n\(kubernetes)"
private let soa =
    "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5"

/// One headless Service with so many endpoints that a copy is larger than what the kernel holds for a connection.
private func large(_ endpoints: Int) -> [ClusterObject] {
    let slices = stride(from: 0, to: endpoints, by: 1000).map { start in
        ClusterObject.endpointSlice(
            EndpointSliceObject(
                key: ObjectKey(namespace: "shop", name: "big-\(start)"), service: "big",
                ports: [ObjectPort(name: "http", transport: "TCP", number: 80)],
                endpoints: (start..<min(start + 1000, endpoints)).map {
                    Endpoint(addresses: [IPAddress(v4: 0x0A00_0000 + UInt32($0))])
                }))
    }
    return [
        namespace("shop"),
        .service(ServiceObject(key: ObjectKey(namespace: "shop", name: "big"), addressing: .headless)),
    ]
        + slices
}

@Suite("transfer: AXFR") struct WholeZones {
    @Test("all records between two SOA") func forward() async throws {
        let dns = try await LiveClusterServer(everybody, objects)
        let client = try TransferClient(dns.address)
        await client.send(TransferClient.query("cluster.local. AXFR"))
        let copy = try await client.copy()
        #expect(copy.codes == ["NOERROR aa"])
        #expect(copy.records.first == soa)
        #expect(copy.records.last == soa)
        #expect(
            copy.inner.sorted() == [
                "10-244-0-7.shop.pod.cluster.local. 5 IN A 10.244.0.7",
                "api.shop.svc.cluster.local. 5 IN A 10.96.0.11",
                "cluster.local. 5 IN NS ns.dns.cluster.local.",
                "dns-version.cluster.local. 28800 IN TXT \"1.1.0\"",
                "far.shop.svc.cluster.local. 5 IN CNAME a.test.",
                "ns.dns.cluster.local. 5 IN A 192.0.2.53",
                "web.shop.svc.cluster.local. 5 IN A 10.96.0.10",
            ])
    }

    @Test("a reverse zone, by a name in other letters") func reverse() async throws {
        let dns = try await LiveClusterServer(everybody, objects)
        let client = try TransferClient(dns.address)
        await client.send(TransferClient.query("IN-ADDR.arpa. AXFR"))
        let copy = try await client.copy()
        #expect(copy.isWhole)
        #expect(
            copy.inner.filter { $0.contains(" PTR ") }.sorted() == [
                "10.0.96.10.IN-ADDR.arpa. 5 IN PTR web.shop.svc.cluster.local.",
                "11.0.96.10.IN-ADDR.arpa. 5 IN PTR api.shop.svc.cluster.local.",
            ])
    }

    @Test("many messages, none over its bound; then the connection goes on") func manyMessages() async throws {
        let dns = try await LiveClusterServer(everybody, large(3000))
        let client = try TransferClient(dns.address)
        await client.send(TransferClient.query("cluster.local. AXFR"))
        await client.send(WireText.query("dns-version.cluster.local. TXT", id: 0x4242))
        let copy = try await client.copy()
        #expect(copy.isWhole)
        #expect(Set(copy.codes) == ["NOERROR aa"])
        // Address and SRV of the service and of its port's name, address and SRV of each endpoint's own.
        #expect(copy.inner.count == 3 + 6 * 3000)
        #expect(Set(copy.inner).count == copy.inner.count)
        #expect(copy.sizes.count > 20)
        #expect(copy.sizes.allSatisfy { $0 <= 16_383 })
        #expect(copy.sizes.dropLast().allSatisfy { $0 > 16_000 })
        let after = try #require(await client.message())
        #expect(WireText.text(after) == "NOERROR aa\ndns-version.cluster.local. 28800 TXT")
    }

    @Test("what changes meanwhile belongs to the next copy") func oneSnapshot() async throws {
        let dns = try await LiveClusterServer(everybody, large(40_000))
        let client = try TransferClient(dns.address)
        await client.send(TransferClient.query("cluster.local. AXFR"))
        let first = try #require(await client.message())
        dns.list([])
        let rest = try await client.count()
        #expect(rest.serial == 1_700_000_000)
        #expect(rest.records + Int(first[6]) << 8 + Int(first[7]) == 5 + 6 * 40_000)
    }

    @Test(
        "not for everybody, not over UDP, not below a zone",
        arguments: [
            ("transfer {\nto 192.0.2.1\n}", "cluster.local. AXFR", DNSServer.Transport.tcp, "REFUSED ede=18"),
            ("transfer {\nto 192.0.2.1\n}", "cluster.local. IXFR", .udp, "REFUSED ede=18"),
            ("transfer {\nto *\n}", "cluster.local. AXFR", .udp, "REFUSED ede=21"),
            ("transfer {\nto *\n}", "svc.cluster.local. AXFR", .tcp, "REFUSED"),
            ("transfer other.zone {\nto *\n}", "cluster.local. AXFR", .tcp, "REFUSED"),
            ("", "cluster.local. AXFR", .tcp, "REFUSED"),
        ])
    func refused(_ transfer: String, _ question: String, _ transport: DNSServer.Transport, _ answer: String)
        async throws
    {
        let dns = try await LiveClusterServer("\(transfer)\n\(kubernetes)", objects)
        #expect(try await dns.ask(question, edns: true, over: transport) == answer)
    }

    @Test("not before the cluster is known") func notListed() async throws {
        let dns = try await LiveClusterServer(everybody, nil)
        #expect(try await dns.ask("cluster.local. AXFR", edns: true, over: .tcp) == "SERVFAIL ede=14")
    }

    @Test("the rule with the longest zone decides") func longestRule() async throws {
        let rules = "transfer {\nto *\n}\ntransfer cluster.local {\nto 192.0.2.1 [2001:db8::1]:5353\n}"
        let dns = try await LiveClusterServer("\(rules)\n\(kubernetes)", objects)
        #expect(try await dns.ask("cluster.local. AXFR", over: .tcp) == "REFUSED")
        #expect(try await dns.ask("in-addr.arpa. AXFR", over: .tcp).hasPrefix("NOERROR aa"))
        let allowed = try await LiveClusterServer("transfer {\nto 127.0.0.1:9\n}\n\(kubernetes)", objects)
        #expect(try await allowed.ask("cluster.local. AXFR", over: .tcp).hasPrefix("NOERROR aa"))
    }
}

@Suite("transfer: IXFR") struct IncrementalTransfers {
    @Test(
        "one SOA for a client that has the zone, all of it for one that is behind",
        arguments: [
            (1_700_000_000, true), (1_700_000_001, true), (1_699_999_999, false), (0, false),
            // Serials wrap (RFC 1982): this one is newer.
            (3_800_000_000, true), (4_000_000_000, false),
        ] as [(UInt32, Bool)])
    func serials(_ serial: UInt32, _ isUpToDate: Bool) async throws {
        let dns = try await LiveClusterServer(everybody, objects)
        let client = try TransferClient(dns.address)
        await client.send(TransferClient.query("cluster.local. IXFR", serial: serial))
        let copy = try await client.copy()
        #expect(copy.records.first == soa)
        #expect(copy.records.count == (isUpToDate ? 1 : 9))
        #expect(isUpToDate || copy.isWhole)
    }

    @Test("over UDP the SOA alone says whether to come over TCP") func datagrams() async throws {
        let dns = try await LiveClusterServer(everybody, objects)
        for serial in [1, 1_700_000_000] as [UInt32] {
            let reply = try await dns.exchange(TransferClient.query("cluster.local. IXFR", serial: serial))
            #expect(reply == "NOERROR aa\n\(soa)")
        }
    }

    @Test("without the client's SOA") func noSerial() async throws {
        let dns = try await LiveClusterServer(everybody, objects)
        #expect(try await dns.ask("cluster.local. IXFR", over: .tcp) == "FORMERR")
    }
}

@Suite("transfer: clients that do not play along", .serialized) struct HostileTransfers {
    private func server() async throws -> LiveClusterServer {
        var limits = StreamLimits()
        limits.streamedAnswers = 1
        limits.write = 200_000_000
        return try await LiveClusterServer(everybody, large(40_000), streamLimits: limits)
    }

    /// True when a copy can begin within the patience of the test.
    private func canCopy(_ dns: LiveClusterServer) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(180)
        while ContinuousClock.now < end {
            let client = try TransferClient(dns.address)
            await client.send(TransferClient.query("cluster.local. AXFR"))
            if let first = await client.message(), first[3] & 0xF == 0 { return true }
        }
        return false
    }

    @Test("one that never reads is disconnected, and holds no place any more") func neverReads() async throws {
        let dns = try await server()
        let stuck = try TransferClient(dns.address)
        await stuck.send(TransferClient.query("cluster.local. AXFR"))
        _ = try #require(await stuck.message())
        let second = try TransferClient(dns.address)
        await second.send(TransferClient.query("cluster.local. AXFR"))
        #expect(try await second.copy().codes == ["REFUSED"], "one at a time")
        #expect(try await canCopy(dns))
        var rest: [[UInt8]] = []
        while let message = await stuck.message() { rest.append(message) }
        let last = try #require(rest.last)
        #expect(try TransferClient.serial(atTheEndOf: last) == nil, "what was cut is not whole")
    }

    @Test("one that goes away in the middle") func disconnects() async throws {
        let dns = try await server()
        do {
            let client = try TransferClient(dns.address)
            await client.send(TransferClient.query("cluster.local. AXFR"))
            _ = try #require(await client.message())
        }
        #expect(try await canCopy(dns))
        #expect(try await dns.ask("dns-version.cluster.local. TXT").hasPrefix("NOERROR"))
    }

    @Test("one that takes its time gets all of it") func slow() async throws {
        let dns = try await server()
        let client = try TransferClient(dns.address)
        await client.send(TransferClient.query("cluster.local. AXFR"))
        var records = 0
        var messages = 0
        while records < 5 + 6 * 40_000, let octets = await client.message() {
            records += Int(octets[6]) << 8 | Int(octets[7])
            messages += 1
            // Long enough that the server waits for this client, which is never the other way round.
            if messages % 64 == 0 { try await Task.sleep(for: .milliseconds(20)) }
        }
        #expect(records == 5 + 6 * 40_000)
    }
}
