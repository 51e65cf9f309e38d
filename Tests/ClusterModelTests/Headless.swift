import DNSWire
import TestKit
import Testing

@testable import ClusterModel

private let cluster: [ClusterObject] = [
    namespace("t"),
    headless("t/hd", ports: ["http/TCP/80"]),
    slice("t/hd-a", of: "hd", ports: ["http/TCP/80"], ["web-0=10.244.2.1", "10.244.2.2"]),
    slice("t/hd-b", of: "hd", ports: ["http/TCP/80"], ["fd00:244::2"]),
    headless("t/dup"),
    slice("t/dup-a", of: "dup", ports: ["http/TCP/80"], ["same=10.244.3.1", "same=10.244.3.2"]),
    headless("t/np"), slice("t/np-a", of: "np", ["10.244.4.1"]),
    headless("t/none"), slice("t/none-a", of: "none", [String]()),
    headless("t/mixed"),
    slice("t/mixed-a", of: "mixed", ports: ["http/TCP/80"], ["10.244.5.1", "10.244.5.3"]),
    slice("t/mixed-b", of: "mixed", ports: ["dns/UDP/53"], ["10.244.5.2", "10.244.5.3"]),
    headless("t/clash"),
    slice("t/clash-a", of: "clash", ports: ["http/TCP/80"], ["10-244-6-2=10.244.6.1", "10.244.6.2"]),
    headless("t/six"), slice("t/six-a", of: "six", ports: ["a/TCP/1"], ["2001:db8:3333:4444:5555:6666::", "::1"]),
]

@Suite("Kubernetes DNS §2.4: headless services") struct HeadlessServices {
    let dns = TestCluster(cluster)

    @Test func addresses() {
        #expect(
            dns.ask("hd.t.svc A").answer == [
                "hd.t.svc.cluster.local. 30 A 10.244.2.1", "hd.t.svc.cluster.local. 30 A 10.244.2.2",
            ])
        #expect(dns.ask("hd.t.svc AAAA").answer == ["hd.t.svc.cluster.local. 30 AAAA fd00:244::2"])
        #expect(dns.ask("np.t.svc A").answer == ["np.t.svc.cluster.local. 30 A 10.244.4.1"])
    }

    @Test func rotationStartsElsewhere() {
        #expect(
            dns.ask("hd.t.svc A", rotation: 1).answer == [
                "hd.t.svc.cluster.local. 30 A 10.244.2.2", "hd.t.svc.cluster.local. 30 A 10.244.2.1",
            ])
    }

    @Test(arguments: ["hd.t.svc", "_http._tcp.hd.t.svc"]) func servers(_ name: String) {
        let reply = dns.ask("\(name) SRV")
        #expect(
            reply.answer == [
                "\(name).cluster.local. 30 SRV 0 33 80 10-244-2-2.hd.t.svc.cluster.local.",
                "\(name).cluster.local. 30 SRV 0 33 80 fd00-244--2.hd.t.svc.cluster.local.",
                "\(name).cluster.local. 30 SRV 0 33 80 web-0.hd.t.svc.cluster.local.",
            ])
        #expect(
            reply.additional == [
                "10-244-2-2.hd.t.svc.cluster.local. 30 A 10.244.2.2",
                "fd00-244--2.hd.t.svc.cluster.local. 30 AAAA fd00:244::2",
                "web-0.hd.t.svc.cluster.local. 30 A 10.244.2.1",
            ])
    }

    @Test func endpointNames() {
        #expect(dns.ask("web-0.hd.t.svc A").answer == ["web-0.hd.t.svc.cluster.local. 30 A 10.244.2.1"])
        #expect(dns.ask("10-244-2-2.hd.t.svc A").answer == ["10-244-2-2.hd.t.svc.cluster.local. 30 A 10.244.2.2"])
        #expect(
            dns.ask("fd00-244--2.hd.t.svc AAAA").answer == ["fd00-244--2.hd.t.svc.cluster.local. 30 AAAA fd00:244::2"])
        #expect(dns.ask("web-0.hd.t.svc AAAA").outcome == .noData)
        #expect(dns.ask("ghost.hd.t.svc A").outcome == .noSuchName)
        #expect(dns.ask("10-244-2-1.hd.t.svc A").outcome == .noSuchName)
        #expect(dns.ask("fd00-244-0-0-0-0-0-2.hd.t.svc AAAA").outcome == .noSuchName)
        #expect(
            dns.ask("web-0.hd.t.svc SRV").answer
                == ["web-0.hd.t.svc.cluster.local. 30 SRV 0 100 80 web-0.hd.t.svc.cluster.local."])
    }

    @Test("several endpoints may share one name") func sharedNames() {
        #expect(dns.ask("dup.t.svc A").answer.count == 2)
        #expect(dns.ask("same.dup.t.svc A").answer.count == 2)
        let reply = dns.ask("dup.t.svc SRV")
        #expect(reply.answer == ["dup.t.svc.cluster.local. 30 SRV 0 50 80 same.dup.t.svc.cluster.local."])
        #expect(reply.additional.count == 2)
    }

    @Test("a host name that looks like another endpoint's address") func clashingNames() {
        #expect(
            dns.ask("10-244-6-2.clash.t.svc A").answer.map { $0.suffix(10) } == ["10.244.6.1", "10.244.6.2"])
        #expect(dns.ask("clash.t.svc SRV").answer.count == 1)
    }

    @Test("ports belong to slices") func portsOfSlices() {
        #expect(dns.ask("_http._tcp.mixed.t.svc A").answer.map { $0.suffix(10) } == ["10.244.5.1", "10.244.5.3"])
        #expect(dns.ask("_dns._udp.mixed.t.svc A").answer.map { $0.suffix(10) } == ["10.244.5.2", "10.244.5.3"])
        #expect(dns.ask("_dns._udp.mixed.t.svc AAAA").outcome == .noData)
        #expect(
            dns.ask("_dns._udp.mixed.t.svc SRV").answer == [
                "_dns._udp.mixed.t.svc.cluster.local. 30 SRV 0 50 53 10-244-5-2.mixed.t.svc.cluster.local.",
                "_dns._udp.mixed.t.svc.cluster.local. 30 SRV 0 50 53 10-244-5-3.mixed.t.svc.cluster.local.",
            ])
        #expect(dns.ask("mixed.t.svc SRV").answer.count == 4)
        #expect(dns.ask("_http._udp.mixed.t.svc SRV").outcome == .noSuchName)
        #expect(dns.ask("_udp.mixed.t.svc SRV").outcome == .noData)
    }

    @Test func withoutPortsOrEndpoints() {
        #expect(dns.ask("np.t.svc SRV").outcome == .noData)
        #expect(dns.ask("none.t.svc A").outcome == .noSuchName)
        #expect(dns.ask("none.t.svc TXT").outcome == .noSuchName)
        #expect(TestCluster(ModelOptions(answersEndpoints: false), cluster).ask("hd.t.svc A").outcome == .noSuchName)
    }

    @Test("a name never ends in a dash") func trailingDash() {
        #expect(dns.ask("2001-db8-3333-4444-5555-6666--0.six.t.svc AAAA").outcome == .records)
        #expect(dns.ask("--1.six.t.svc AAAA").outcome == .records)
    }

    @Test func podNames() {
        let endpoints = [
            Endpoint(addresses: [IPAddress(v4: 0x0A00_0001)], podName: "Pod-A"),
            Endpoint(addresses: [IPAddress(v4: 0x0A00_0002)], hostname: "host", podName: "pod-b"),
            Endpoint(addresses: [IPAddress(v4: 0x0A00_0003)], podName: String(repeating: "p", count: 64)),
            Endpoint(addresses: [IPAddress(v4: 0x0A00_0004)], podName: "a.b"),
        ]
        let dns = TestCluster(
            ModelOptions(endpointPodNames: true),
            [namespace("t"), headless("t/hd"), slice("t/hd-a", of: "hd", ports: ["a/TCP/1"], endpoints)])
        for label in ["pod-a", "host", "10-0-0-3", "10-0-0-4"] {
            #expect(dns.ask("\(label).hd.t.svc A").outcome == .records)
        }
        #expect(dns.ask("pod-b.hd.t.svc A").outcome == .noSuchName)
    }

    @Test("scaling to nothing takes the name away") func churn() {
        dns.store(slice("t/hd-a", of: "hd", ports: ["http/TCP/80"], ["10.244.2.9"]))
        #expect(dns.ask("hd.t.svc A").answer == ["hd.t.svc.cluster.local. 30 A 10.244.2.9"])
        #expect(dns.ask("1.2.244.10.in-addr.arpa. PTR").outcome == .noSuchName)
        #expect(dns.ask("9.2.244.10.in-addr.arpa. PTR").outcome == .records)
        dns.delete(slice("t/hd-a", of: "hd", [String]()))
        dns.delete(slice("t/hd-b", of: "hd", [String]()))
        #expect(dns.ask("hd.t.svc A").outcome == .noSuchName)
    }
}

@Suite("answers larger than the message") struct Sizes {
    let dns = TestCluster([
        namespace("t"), headless("t/many"),
        slice("t/many-a", of: "many", ports: ["http/TCP/80"], (1...120).map { "10.1.2.\($0)" }),
        service("t/one", ["10.96.0.10", "fd00::1"], ports: ["http/TCP/80"]),
    ])

    @Test("of the ports of a slice the first 1,024 count") func ports() {
        let ports = (0...1024).map { "p\($0)/TCP/\($0 + 1)" }
        let dns = TestCluster([
            namespace("t"), headless("t/many"), slice("t/many-a", of: "many", ports: ports, ["10.1.2.1"]),
        ])
        let known = [1022, 1023, 1024].map { dns.ask("_p\($0)._tcp.many.t.svc SRV").outcome == .records }
        #expect(known == [true, true, false])
    }

    @Test("as much of the record set as fits, and TC") func truncatedAddresses() {
        let reply = dns.ask("many.t.svc A", size: 512)
        #expect(reply.isTruncated)
        #expect(reply.answer.count == (512 - reply.questionEnd) / 16)
        #expect(dns.ask("many.t.svc A").answer.count == 120)
    }

    @Test func truncatedServers() {
        let reply = dns.ask("many.t.svc SRV", size: 512)
        #expect(reply.isTruncated && reply.size <= 512 && reply.additional.isEmpty && !reply.answer.isEmpty)
        #expect(dns.ask("many.t.svc SRV").additional.count == 120)
    }

    @Test("additional records that do not fit do not set TC") func leftOutAddresses() {
        let whole = dns.ask("one.t.svc SRV")
        let reply = dns.ask("one.t.svc SRV", size: whole.size - 1)
        #expect(!reply.isTruncated && reply.answer == whole.answer && reply.additional.count == 1)
    }
}

extension Reply {
    /// Where the question of `many.t.svc.cluster.local` ends.
    var questionEnd: Int { 12 + 26 + 4 }
}
