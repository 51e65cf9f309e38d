import ClusterModel
import ClusterSource
import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

private func imported(_ name: String, _ address: String?) -> ClusterObject {
    .serviceImport(
        ServiceObject(
            key: ObjectKey(namespace: "shop", name: name),
            addressing: address.map { .cluster([$0].compactMap { IPAddress($0) }) } ?? .headless,
            ports: [ObjectPort(name: "http", transport: "TCP", number: 80)]))
}

@Suite("kubernetes: zones of a cluster set") struct ClusterSets {
    private static let directives = """
        kubernetes cluster.local clusterset.local in-addr.arpa {
            multicluster clusterset.local
        }
        """
    private static let objects = [
        namespace("shop"), service("shop/web", "10.96.0.10"), imported("web", "10.42.0.1"),
        imported("gone", nil),
    ]
    private static let soa =
        "clusterset.local. 5 IN SOA ns.dns.clusterset.local. hostmaster.clusterset.local. 1700000000 7200 1800 86400 5"

    @Test(arguments: [
        ("web.shop.svc.clusterset.local. A", "NOERROR aa\nweb.shop.svc.clusterset.local. 5 IN A 10.42.0.1"),
        ("web.shop.svc.cluster.local. A", "NOERROR aa\nweb.shop.svc.cluster.local. 5 IN A 10.96.0.10"),
        ("web.shop.svc.clusterset.local. AAAA", "NOERROR aa\n\(soa)"),
        ("gone.shop.svc.clusterset.local. A", "NXDOMAIN aa\n\(soa)"),
        ("clusterset.local. SOA", "NOERROR aa\n\(soa)"),
        ("clusterset.local. NS", "NOERROR aa\nclusterset.local. 5 IN NS ns.dns.clusterset.local."),
        ("1.0.42.10.in-addr.arpa. PTR", "NXDOMAIN aa\n\(soa.replacing("clusterset.local", with: "in-addr.arpa"))"),
    ])
    func answers(_ question: String, _ answer: String) throws {
        let dns = try ClusterServer(Self.directives, Self.objects)
        #expect(try dns.ask(question) == answer)
        #expect(dns.plugin.settings.cluster.kinds.contains(.serviceImport))
    }

    @Test(arguments: [
        (
            "kubernetes cluster.local {\nmulticluster clusterset.local\n}",
            "kubernetes: found multicluster clusterset.local, expected a zone of this kubernetes line that is not reverse"
        ),
        (
            "kubernetes cluster.local in-addr.arpa {\nmulticluster in-addr.arpa\n}",
            "kubernetes: found multicluster in-addr.arpa, expected a zone of this kubernetes line that is not reverse"
        ),
        ("kubernetes cluster.local {\nmulticluster\n}", "no errors"),
        ("kubernetes cluster.local clusterset.local {\nmulticluster clusterset.local\n}", "no errors"),
    ])
    func settings(_ directives: String, _ expected: String) { #expect(TestPlan.errors(directives) == expected) }
}
