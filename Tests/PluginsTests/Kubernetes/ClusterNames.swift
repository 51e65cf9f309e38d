import ClusterModel
import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

private let zones = "kubernetes cluster.local in-addr.arpa ip6.arpa"
private let shop = [namespace("shop"), service("shop/web", "10.96.0.10", "fd00:96::10")]
private let soa = "5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5"

@Suite("kubernetes: before the first list") struct NotListedYet {
    @Test(
        "every name of the zones is unknown, none is missing",
        arguments: [
            "web.shop.svc.cluster.local. A", "ghost.shop.svc.cluster.local. AAAA", "cluster.local. SOA",
            "cluster.local. NS", "ns.dns.cluster.local. A", "dns-version.cluster.local. TXT",
            "x.y.z.cluster.local. ANY", "1.0.96.10.in-addr.arpa. PTR", "in-addr.arpa. SOA", "ip6.arpa. NS",
            "WEB.shop.svc.CLUSTER.local. HTTPS",
        ])
    func ownNames(_ question: String) throws {
        let dns = try ClusterServer("\(zones) {\nfallthrough\n}\nforward . @UPSTREAM@", nil) {
            [$0.reply([.a("a.test.", "192.0.2.1")])]
        }
        #expect(try dns.ask(question, edns: true) == "SERVFAIL aa ede=14")
        #expect(try dns.ask(question) == "SERVFAIL aa")
        #expect(dns.queries.isEmpty)
    }

    @Test("other names are answered from the first second") func otherNames() throws {
        let dns = try ClusterServer("\(zones)\nforward . @UPSTREAM@", nil) {
            [$0.reply([.a("a.test.", "192.0.2.1")])]
        }
        #expect(try dns.ask("a.test. A") == "NOERROR\na.test. 300 IN A 192.0.2.1")
        #expect(dns.failures.isEmpty)
    }

    @Test("the first list ends it") func listed() throws {
        let dns = try ClusterServer(zones, nil)
        #expect(try dns.ask("web.shop.svc.cluster.local. A") == "SERVFAIL aa")
        #expect(dns.failures == ["the API server has not been listed yet"])
        dns.list(shop)
        #expect(
            try dns.ask("web.shop.svc.cluster.local. A")
                == "NOERROR aa\nweb.shop.svc.cluster.local. 5 IN A 10.96.0.10")
    }

    @Test("an alias that leads into the cluster is not followed into the unknown") func aliasIntoCluster() throws {
        let dns = try ClusterServer("\(zones)\nforward . @UPSTREAM@", nil) {
            [$0.reply([.cname("a.test.", "web.shop.svc.cluster.local.")])]
        }
        #expect(
            try dns.ask("a.test. A") == "NOERROR\na.test. 300 IN CNAME web.shop.svc.cluster.local.")
    }
}

@Suite("kubernetes: what is not there") struct MissingNames {
    @Test(arguments: [
        ("web.shop.svc.cluster.local. AAAA", "NOERROR aa\nweb.shop.svc.cluster.local. 5 IN AAAA fd00:96::10"),
        ("web.shop.svc.cluster.local. TXT", "NOERROR aa\ncluster.local. \(soa)"),
        ("shop.svc.cluster.local. A", "NOERROR aa\ncluster.local. \(soa)"),
        ("ghost.shop.svc.cluster.local. A", "NXDOMAIN aa\ncluster.local. \(soa)"),
        ("ghost.svc.CLUSTER.local. A", "NXDOMAIN aa\nCLUSTER.local. \(soa.replacing("cluster", with: "CLUSTER"))"),
        (
            "9.9.9.9.in-addr.arpa. PTR",
            "NXDOMAIN aa\nin-addr.arpa. \(soa.replacing("cluster.local", with: "in-addr.arpa"))"
        ),
        ("10.0.96.10.in-addr.arpa. PTR", "NOERROR aa\n10.0.96.10.in-addr.arpa. 5 IN PTR web.shop.svc.cluster.local."),
        (
            "10.0.96.10.in-addr.arpa. A",
            "NOERROR aa\nin-addr.arpa. \(soa.replacing("cluster.local", with: "in-addr.arpa"))"
        ),
        ("cluster.local. SOA", "NOERROR aa\ncluster.local. \(soa)"),
        ("cluster.local. NS", "NOERROR aa\ncluster.local. 5 IN NS ns.dns.cluster.local."),
        ("ns.dns.cluster.local. A", "NOERROR aa\nns.dns.cluster.local. 5 IN A 192.0.2.53"),
        ("ns.dns.cluster.local. AAAA", "NOERROR aa\ncluster.local. \(soa)"),
        ("cluster.local. AXFR", "REFUSED"),
    ])
    func answers(_ question: String, _ answer: String) throws {
        let dns = try ClusterServer(zones, shop)
        #expect(try dns.ask(question) == answer)
    }

    @Test("names beside the zones are not the cluster's", arguments: ["notcluster.local. A", "local. A"])
    func otherZones(_ question: String) throws {
        let dns = try ClusterServer(zones, shop)
        #expect(try dns.ask(question, edns: true) == "SERVFAIL ede=20")
    }

    @Test("the TTL is that of the settings, and the SOA's at most five minutes") func timesToLive() throws {
        let dns = try ClusterServer("\(zones) {\nttl 3600\n}", shop)
        #expect(
            try dns.ask("web.shop.svc.cluster.local. A")
                == "NOERROR aa\nweb.shop.svc.cluster.local. 3600 IN A 10.96.0.10")
        #expect(
            try dns.ask("ghost.shop.svc.cluster.local. A")
                == "NXDOMAIN aa\ncluster.local. 300 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. "
                + "1700000000 7200 1800 86400 3600")
    }
}

@Suite("kubernetes: fallthrough") struct Fallthrough {
    private func server(_ option: String) throws -> ClusterServer {
        try ClusterServer("\(zones) {\n\(option)\n}\nforward . @UPSTREAM@", shop) { query in
            [query.reply([.a(query.parsed.name, "192.0.2.1")])]
        }
    }

    @Test("missing names go to the next plugin, whose answer is not ours") func everyZone() throws {
        let dns = try server("fallthrough")
        #expect(
            try dns.ask("ghost.shop.svc.cluster.local. A")
                == "NOERROR\nghost.shop.svc.cluster.local. 300 IN A 192.0.2.1")
        #expect(
            try dns.ask("9.9.9.9.in-addr.arpa. A") == "NOERROR\n9.9.9.9.in-addr.arpa. 300 IN A 192.0.2.1")
    }

    @Test("names that exist do not, whatever the type") func existingNames() throws {
        let dns = try server("fallthrough")
        #expect(try dns.ask("web.shop.svc.cluster.local. TXT") == "NOERROR aa\ncluster.local. \(soa)")
        #expect(
            try dns.ask("web.shop.svc.cluster.local. A")
                == "NOERROR aa\nweb.shop.svc.cluster.local. 5 IN A 10.96.0.10")
    }

    @Test("only of the zones that are named") func someZones() throws {
        let dns = try server("fallthrough in-addr.arpa")
        #expect(try dns.ask("ghost.shop.svc.cluster.local. A") == "NXDOMAIN aa\ncluster.local. \(soa)")
        #expect(
            try dns.ask("9.9.9.9.in-addr.arpa. A") == "NOERROR\n9.9.9.9.in-addr.arpa. 300 IN A 192.0.2.1")
    }

    @Test("nobody behind") func noNextPlugin() throws {
        let dns = try ClusterServer("\(zones) {\nfallthrough\n}", shop)
        #expect(try dns.ask("ghost.shop.svc.cluster.local. A", edns: true) == "SERVFAIL ede=20")
        #expect(dns.failures == ["no next plugin found"])
    }
}

@Suite("kubernetes: the services in front of this server are its name servers") struct NameServers {
    private func slice(_ path: String, of service: String, _ endpoints: [(String, String)]) -> ClusterObject {
        let parts = path.split(separator: "/").map(String.init)
        return .endpointSlice(
            EndpointSliceObject(
                key: ObjectKey(namespace: parts[0], name: parts[1]), service: service, ports: [],
                endpoints: endpoints.map {
                    Endpoint(addresses: [IPAddress($0.0)].compactMap(\.self), hostname: $0.1)
                }))
    }

    @Test("a cluster IP") func cluster() throws {
        let dns = try ClusterServer(
            zones,
            [
                namespace("kube-system"), service("kube-system/kube-dns", "10.96.0.10", "fd00:96::10"),
                slice("kube-system/kube-dns-1", of: "kube-dns", [("192.0.2.53", ""), ("192.0.2.54", "")]),
            ])
        #expect(
            try dns.ask("cluster.local. NS")
                == "NOERROR aa\ncluster.local. 5 IN NS kube-dns.kube-system.svc.cluster.local.")
        #expect(
            try dns.ask("ns.dns.cluster.local. A") == "NOERROR aa\nns.dns.cluster.local. 5 IN A 10.96.0.10")
        #expect(
            try dns.ask("ns.dns.cluster.local. AAAA")
                == "NOERROR aa\nns.dns.cluster.local. 5 IN AAAA fd00:96::10")
    }

    @Test("a headless service: every ready endpoint") func headless() throws {
        let dns = try ClusterServer(
            zones,
            [
                namespace("dns"),
                .service(ServiceObject(key: ObjectKey(namespace: "dns", name: "all"), addressing: .headless)),
                slice("dns/all-1", of: "all", [("192.0.2.53", ""), ("192.0.2.54", "other")]),
            ])
        let answer = try dns.ask("CLUSTER.local. NS")
        #expect(
            answer.split(separator: "\n").sorted() == [
                "CLUSTER.local. 5 IN NS 192-0-2-53.all.dns.svc.CLUSTER.local.",
                "CLUSTER.local. 5 IN NS other.all.dns.svc.CLUSTER.local.", "NOERROR aa",
            ])
    }
}
