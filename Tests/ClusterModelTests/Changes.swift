import DNSWire
import TestKit
import Testing

@testable import ClusterModel

@Suite("changes, serials and lists") struct Changes {
    private let web = service("t/web", ["10.96.0.1"], ports: ["http/TCP/80"])
    private let webSlice = slice("t/web-a", of: "web", ports: ["http/TCP/80"], ["10.0.0.1"])

    @Test("the serial moves with the records, and only then") func serials() {
        let dns = TestCluster()
        #expect(dns.snapshot.serial == 0)
        dns.store(namespace("t"), web, webSlice)
        #expect(dns.snapshot.serial == 1_700_000_000)
        dns.now += 10
        let before = dns.snapshot
        dns.store(web, webSlice)
        #expect(dns.snapshot === before)
        dns.store(service("t/web", ["10.96.0.2"], ports: ["http/TCP/80"]))
        #expect(dns.snapshot.serial == 1_700_000_010)
        dns.store(web)
        #expect(dns.snapshot.serial == 1_700_000_011, "never twice the same")
        dns.now -= 100
        dns.delete(web)
        #expect(dns.snapshot.serial == 1_700_000_012, "never back")
    }

    @Test("a list drops what it does not name") func relist() {
        let dns = TestCluster([namespace("t"), web, webSlice, headless("t/old")])
        #expect(dns.index.listedKinds.isEmpty)
        dns.relist(.service, [web])
        dns.relist(.endpointSlice, [slice("t/old-a", of: "old", ["10.0.0.2"])])
        #expect(dns.index.listedKinds == [.service, .endpointSlice])
        #expect(dns.ask("web.t.svc A").outcome == .records)
        #expect(dns.ask("10-0-0-1.web.t.svc A").outcome == .noSuchName)
        #expect(dns.ask("old.t.svc A").outcome == .noSuchName)
        let before = dns.snapshot
        dns.relist(.service, [web])
        #expect(dns.snapshot === before && !dns.index.hasChanges)
        dns.relist(.namespace, [])
        #expect(dns.ask("web.t.svc A").outcome == .noSuchName)
    }

    @Test("a slice may move to another service") func moves() {
        let dns = TestCluster([namespace("t"), headless("t/a"), headless("t/b"), slice("t/s", of: "a", ["10.0.0.1"])])
        dns.store(slice("t/s", of: "b", ["10.0.0.1"]))
        #expect(dns.ask("a.t.svc A").outcome == .noSuchName)
        #expect(
            dns.ask("1.0.0.10.in-addr.arpa. PTR").answer.map { $0.hasSuffix("10-0-0-1.b.t.svc.cluster.local.") } == [
                true
            ])
        dns.store(externalName("t/b", "x.test"))
        #expect(dns.ask("b.t.svc A").outcome == .alias("x.test."))
        #expect(dns.ask("1.0.0.10.in-addr.arpa. PTR").outcome == .noSuchName)
    }

    @Test("shards that nothing touched are shared") func sharing() {
        let dns = TestCluster(
            [namespace("t")] + (0..<500).map { service("t/s\($0)", ["10.96.\($0 / 250).\($0 % 250)"]) })
        let before = dns.snapshot
        dns.store(service("t/s7", ["10.97.0.1"]))
        let shared = zip(before.tables.services, dns.snapshot.tables.services).filter { $0 !== $1 }.count
        #expect(shared == 1)
        #expect(zip(before.tables.reverse, dns.snapshot.tables.reverse).filter { $0 !== $1 }.count <= 2)
    }

    @Test("times of changes, once, not for the first list") func programmingLatency() {
        let dns = TestCluster([namespace("t"), web, headless("t/hd")])
        dns.relist(.endpointSlice, [slice("t/web-a", of: "web", ["10.0.0.1"], trigger: 1)])
        #expect(dns.index.drainProgrammingTriggers().isEmpty)
        dns.store(
            slice("t/web-a", of: "web", ["10.0.0.2"], trigger: 2), slice("t/hd-a", of: "hd", ["10.0.0.3"], trigger: 3),
            slice("t/x-a", of: "nobody", ["10.0.0.3"], trigger: 4))
        let triggers = dns.index.drainProgrammingTriggers()
        #expect(triggers.map(\.trigger) == [2, 3] && triggers.map(\.kind) == [.clusterIP, .headlessWithSelector])
        // Made by hand, or mirrored from Endpoints that are.
        dns.store(
            .endpointSlice(
                EndpointSliceObject(
                    key: ObjectKey(namespace: "t", name: "hd-b"), service: "hd", ports: [],
                    endpoints: [Endpoint(addresses: [IPAddress(v4: 0x0A00_0009)])], lastChangeTrigger: 5,
                    followsSelector: false)))
        #expect(dns.index.drainProgrammingTriggers().map(\.kind) == [.headlessWithoutSelector])
        #expect(dns.index.drainProgrammingTriggers().isEmpty)
    }

    @Test("input that no name can hold is left out") func oversized() {
        let long = String(repeating: "x", count: 64)
        let limit = String(repeating: "y", count: 63)
        let port = ObjectPort(name: long, transport: "TCP", number: 80)
        let nameless = ObjectPort(name: "q", transport: "DCCP", number: nil)
        let dns = TestCluster([
            namespace("t"), namespace(long), namespace(limit), service("t/\(long)", ["10.0.0.1"]),
            externalName("t/bad", "a..b"), externalName("t/wide", String(repeating: "abcdefg.", count: 40)),
            headless("\(limit)/\(limit)"), headless("t/odd"),
            slice("\(limit)/a", of: limit, ports: ["a/TCP/1"], ["\(limit)=10.0.0.2", "\(long)=10.0.0.3"]),
            .endpointSlice(
                EndpointSliceObject(
                    key: ObjectKey(namespace: "t", name: "odd-a"), service: "odd", ports: [port, nameless],
                    endpoints: [Endpoint(addresses: []), Endpoint(addresses: [IPAddress(v4: 1)])])),
        ])
        #expect(dns.ask("bad.t.svc A").outcome == .noSuchName)
        #expect(dns.ask("wide.t.svc A").outcome == .noSuchName)
        #expect(dns.ask("\(limit).\(limit).svc SRV").answer.count == 2)
        #expect(dns.ask("odd.t.svc SRV").answer.count == 1)
        #expect(dns.ask("3.0.0.10.in-addr.arpa. PTR").outcome == .records)
    }
}
