import DNSWire
import TestKit
import Testing

@testable import ClusterModel

private let cluster: [ClusterObject] = [
    namespace("t"), namespace("empty"),
    service("t/svc1", ["10.96.0.10"], ports: ["http/TCP/80", "metrics/TCP/9090", "dns/UDP/53"]),
    slice("t/svc1-a", of: "svc1", ports: ["http/TCP/8080"], ["10.244.1.1", "10.244.1.2"]),
    service("t/uport", ["10.96.0.11"], ports: ["TCP/5432"]),
    service("t/dual", ["10.96.0.12", "fd00:96::12"], ports: ["http/TCP/80"]),
    service("t/v6", ["fd00:96::13"], ports: ["http/TCP/80"]),
    service("t/noep", ["10.96.0.14"], ports: ["http/TCP/80"]),
    service("t/portless", ["10.96.0.16"]),
    service("t/pending", [], ports: ["http/TCP/80"]),
    service("t/twin", ["10.96.0.17"], ports: ["dns/UDP/53", "dns-tcp/TCP/53"]),
    service("ghost/svc1", ["10.96.9.9"], ports: ["http/TCP/80"]),
    externalName("t/ext", "A.ext.test"),
    externalName("t/ext-ip", "10.9.9.9"),
]

@Suite("Kubernetes DNS §2.3: services with a cluster address") struct ClusterServices {
    let dns = TestCluster(cluster)

    @Test func addresses() {
        #expect(dns.ask("svc1.t.svc A").answer == ["svc1.t.svc.cluster.local. 30 A 10.96.0.10"])
        #expect(dns.ask("dual.t.svc A").answer == ["dual.t.svc.cluster.local. 30 A 10.96.0.12"])
        #expect(dns.ask("dual.t.svc AAAA").answer == ["dual.t.svc.cluster.local. 30 AAAA fd00:96::12"])
        #expect(dns.ask("noep.t.svc A").answer == ["noep.t.svc.cluster.local. 30 A 10.96.0.14"])
        #expect(dns.ask("portless.t.svc A").answer == ["portless.t.svc.cluster.local. 30 A 10.96.0.16"])
    }

    @Test(arguments: [
        "svc1.t.svc AAAA", "svc1.t.svc HTTPS", "svc1.t.svc MX", "svc1.t.svc TXT", "svc1.t.svc ANY", "svc1.t.svc SOA",
        "svc1.t.svc CNAME", "svc1.t.svc PTR", "v6.t.svc A", "portless.t.svc SRV", "pending.t.svc A",
        "pending.t.svc SRV", "_http._tcp.svc1.t.svc AAAA", "_tcp.svc1.t.svc SRV", "_udp.svc1.t.svc A",
        "tcp.svc1.t.svc A",
    ])
    func noData(_ question: String) {
        #expect(dns.ask(question) == Reply(outcome: .noData, size: dns.ask(question).size))
    }

    @Test(arguments: [
        "ghost.t.svc A", "ghost.t.svc SOA", "ghost.t.svc TXT", "svc1.ghost.svc A", "_http._udp.svc1.t.svc SRV",
        "_x._tcp.svc1.t.svc SRV", "_._tcp.svc1.t.svc SRV", "_http._.svc1.t.svc SRV", "_pg._tcp.uport.t.svc SRV",
        "_tcp.uport.t.svc SRV", "_sctp.svc1.t.svc SRV", "a.b.c.svc1.t.svc A", "*.t.svc A", "any.t.svc SRV",
        "svc1.*.svc A", "x.svc1.t.svc A",
    ])
    func noSuchName(_ question: String) { #expect(dns.ask(question).outcome == .noSuchName) }

    @Test("SRV of the service: every port, weight a share of all addresses and ports") func servers() {
        let reply = dns.ask("svc1.t.svc SRV")
        #expect(
            reply.answer == [
                "svc1.t.svc.cluster.local. 30 SRV 0 33 80 svc1.t.svc.cluster.local.",
                "svc1.t.svc.cluster.local. 30 SRV 0 33 9090 svc1.t.svc.cluster.local.",
                "svc1.t.svc.cluster.local. 30 SRV 0 33 53 svc1.t.svc.cluster.local.",
            ])
        #expect(reply.additional == ["svc1.t.svc.cluster.local. 30 A 10.96.0.10"])
        #expect(
            dns.ask("uport.t.svc SRV").answer == [
                "uport.t.svc.cluster.local. 30 SRV 0 100 5432 uport.t.svc.cluster.local."
            ])
        #expect(
            dns.ask("twin.t.svc SRV").answer == ["twin.t.svc.cluster.local. 30 SRV 0 50 53 twin.t.svc.cluster.local."])
    }

    @Test(arguments: ["dual.t.svc", "_http._tcp.dual.t.svc"]) func dualStackServers(_ name: String) {
        let reply = dns.ask("\(name) SRV")
        #expect(reply.answer == ["\(name).cluster.local. 30 SRV 0 50 80 dual.t.svc.cluster.local."])
        #expect(
            reply.additional == [
                "dual.t.svc.cluster.local. 30 A 10.96.0.12", "dual.t.svc.cluster.local. 30 AAAA fd00:96::12",
            ])
    }

    @Test(
        "underscores may be missing, letter case does not matter",
        arguments: ["_http._tcp", "_HTTP._TCP", "http.tcp", "_http.tcp"])
    func ports(_ port: String) {
        #expect(
            dns.ask("\(port).svc1.t.svc SRV").answer
                == ["\(port).svc1.t.svc.cluster.local. 30 SRV 0 100 80 svc1.t.svc.cluster.local."])
        #expect(dns.ask("\(port).svc1.t.svc A").answer == ["\(port).svc1.t.svc.cluster.local. 30 A 10.96.0.10"])
    }

    @Test("the owner is as asked; targets have the zone as asked and the rest as stored") func letterCase() {
        #expect(dns.ask("SvC1.t.SVC.ClUster.loCal. A").answer == ["SvC1.t.SVC.ClUster.loCal. 30 A 10.96.0.10"])
        #expect(
            dns.ask("_hTTp._tcp.SvC1.t.SVC.ClUster.loCal. SRV").answer
                == ["_hTTp._tcp.SvC1.t.SVC.ClUster.loCal. 30 SRV 0 100 80 svc1.t.svc.ClUster.loCal."])
    }

    @Test("endpoints of a service with a cluster address have names too") func endpoints() {
        #expect(
            dns.ask("10-244-1-1.svc1.t.svc A").answer == ["10-244-1-1.svc1.t.svc.cluster.local. 30 A 10.244.1.1"])
        #expect(
            dns.ask("10-244-1-1.svc1.t.svc SRV").answer == [
                "10-244-1-1.svc1.t.svc.cluster.local. 30 SRV 0 100 8080 10-244-1-1.svc1.t.svc.cluster.local."
            ])
        #expect(
            TestCluster(ModelOptions(answersEndpoints: false), cluster)
                .ask("10-244-1-1.svc1.t.svc A").outcome == .noSuchName)
    }

    @Test func ignoreEmptyService() {
        let strict = TestCluster(ModelOptions(ignoresEmptyServices: true), cluster)
        #expect(strict.ask("noep.t.svc A").outcome == .noSuchName)
        #expect(strict.ask("_http._tcp.noep.t.svc SRV").outcome == .noSuchName)
        #expect(strict.ask("svc1.t.svc A").outcome == .records)
    }

    @Test func namespacesThatAreNotListed() {
        let narrow = TestCluster(ModelOptions(namespaces: ["empty"]), cluster)
        #expect(narrow.ask("svc1.t.svc A").outcome == .noSuchName)
        #expect(narrow.ask("t.svc A").outcome == .noSuchName)
        #expect(narrow.ask("10.0.96.10.in-addr.arpa. PTR").outcome == .noSuchName)
        #expect(narrow.ask("empty.svc A").outcome == .noData)
    }
}

@Suite("Kubernetes DNS §2.5: ExternalName") struct ExternalNames {
    let dns = TestCluster(cluster)

    @Test(arguments: ["A", "AAAA", "SRV", "TXT", "HTTPS", "ANY", "SOA"]) func aliasForEveryType(_ type: String) {
        let reply = dns.ask("ext.t.svc \(type)")
        #expect(reply.outcome == .alias("A.ext.test."))
        #expect(reply.answer == ["ext.t.svc.cluster.local. 30 CNAME A.ext.test."])
    }

    @Test func theAliasItself() {
        #expect(dns.ask("ext.t.svc CNAME").outcome == .records)
        #expect(dns.ask("ext.t.svc CNAME").answer == ["ext.t.svc.cluster.local. 30 CNAME A.ext.test."])
    }

    @Test(arguments: ["x.ext.t.svc A", "_http._tcp.ext.t.svc SRV", "ext-ip.t.svc A", "ext-ip.t.svc CNAME"])
    func noSuchName(_ question: String) { #expect(dns.ask(question).outcome == .noSuchName) }
}

@Suite("names that every zone has") struct ZoneNames {
    let dns = TestCluster(cluster)

    @Test(
        arguments: ["", "svc", "pod", "dns", "ns.dns", "dns-version", "empty.svc"],
        ["A", "AAAA", "SRV", "TXT", "SOA", "NS", "PTR", "ANY"])
    func existForEveryType(_ name: String, _ type: String) {
        guard (name, type) != ("dns-version", "TXT") else { return }
        let full = name.isEmpty ? "cluster.local." : "\(name).cluster.local."
        #expect(dns.ask("\(full) \(type)").outcome == .noData)
    }

    @Test func schemaVersion() {
        #expect(dns.ask("dns-version TXT").answer == ["dns-version.cluster.local. 28800 TXT \"1.1.0\""])
        #expect(dns.ask("dns-version.in-addr.arpa. TXT").outcome == .records)
    }

    @Test(arguments: ["foo A", "x.dns A", "ns.dns.svc A", "ghost.svc TXT", "x.y.z.ns.dns A", "t A"])
    func noSuchName(_ question: String) { #expect(dns.ask(question).outcome == .noSuchName) }

    @Test func deletedNamespaceHides() {
        dns.delete(namespace("t"))
        #expect(dns.ask("svc1.t.svc A").outcome == .noSuchName)
        dns.store(namespace("t"))
        #expect(dns.ask("svc1.t.svc A").outcome == .records)
    }
}
