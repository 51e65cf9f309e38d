import ClusterModel
import DNSServer
import KubernetesAPI
import TestKit
import Testing
import Text

@testable import Plugins

/// A server with `k8s_gateway example.com`, and the objects that an API server would send.
struct GatewayServer {
    let dns: MemoryServer
    let plugin: GatewayPlugin

    /// - Parameter behind: further directives of the block.
    init(_ lines: String = "", behind: String = "", upstream: ScriptedUpstream.Script? = nil) throws {
        dns = try MemoryServer("k8s_gateway example.com {\n\(lines)\n}\n\(behind)", upstream: upstream)
        plugin = try #require(dns.plan.plugins.lazy.compactMap { $0 as? GatewayPlugin }.first)
    }

    /// Makes `objects` all there are of their kinds, and of the other kinds none.
    func list(_ objects: [(GatewayKind, String)]) throws {
        for collection in plugin.settings.collections {
            guard let kind = GatewayKind(collection), collection == kind.collections(serviceSelectors: [])[0] else {
                plugin.index.apply(collection, [.listStarted, .listFinished])
                continue
            }
            let stored = try objects.filter { $0.0 == kind }.map { try change($0, $1) }
            plugin.index.apply(collection, [.listStarted] + stored + [.listFinished])
        }
    }

    func store(_ kind: GatewayKind, _ text: String) throws {
        plugin.index.apply(kind.collections(serviceSelectors: [])[0], [try change(kind, text)])
    }

    func delete(_ kind: GatewayKind, _ text: String) throws {
        guard case .stored(let object) = try change(kind, text) else { return }
        plugin.index.apply(kind.collections(serviceSelectors: [])[0], [.deleted(object)])
    }

    private func change(
        _ kind: GatewayKind, _ text: String
    ) throws -> ReflectedChange<FollowedResource<GatewayObject>> {
        let object = try JSONReader.read(Array(text.utf8))
        let metadata = object["metadata"]
        return .stored(
            FollowedResource(
                key: ObjectKey(namespace: metadata["namespace"].text ?? "", name: metadata["name"].text ?? ""),
                content: GatewayObject(kind, object, nodeAddress: plugin.settings.nodeAddress)))
    }

    func ask(_ question: String) -> String { dns.ask(question) }
}

@Suite("k8s_gateway: names of what is reached from outside") struct GatewayAnswers {
    private static let ingress = (
        GatewayKind.ingress,
        """
        {"metadata": {"name": "web", "namespace": "shop"},
         "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.example.com"}, {"host": "*.wild.example.com"},
                                                         {"host": "other.example.net"}]},
         "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]}}}
        """
    )
    private static let service = (
        GatewayKind.service,
        """
        {"metadata": {"name": "db", "namespace": "shop"}, "spec": {"type": "LoadBalancer"},
         "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]}}}
        """
    )
    private static let gateway = (
        GatewayKind.gateway,
        """
        {"metadata": {"name": "edge", "namespace": "infra"},
         "spec": {"gatewayClassName": "envoy", "listeners": [{"hostname": "listener.example.com"}]},
         "status": {"addresses": [{"type": "IPAddress", "value": "192.0.2.3"}]}}
        """
    )

    private static func route(_ kind: GatewayKind, _ host: String) -> (GatewayKind, String) {
        (
            kind,
            """
            {"metadata": {"name": "route", "namespace": "shop"},
             "spec": {"hostnames": ["\(host)"], "parentRefs": [{"name": "edge", "namespace": "infra"}]}}
            """
        )
    }

    private static let soa = "\nexample.com. 60 SOA"

    @Test(
        "Ingresses and load balancers, which are looked at where nothing is said",
        arguments: [
            ("shop.example.com. A", "NOERROR aa\nshop.example.com. 60 A 192.0.2.1"),
            ("Shop.Example.com. AAAA", "NOERROR aa\nShop.Example.com. 60 AAAA 2001:db8::1"),
            ("db.shop.example.com. A", "NOERROR aa\ndb.shop.example.com. 60 A 192.0.2.2"),
            ("db.shop.example.com. AAAA", "NOERROR aa\(soa)"),
            ("shop.example.com. TXT", "NOERROR aa\(soa)"),
            ("a.wild.example.com. A", "NOERROR aa\na.wild.example.com. 60 A 192.0.2.1"),
            ("a.b.wild.example.com. A", "NXDOMAIN aa\(soa)"),
            // Above a name there is one, too.
            ("wild.example.com. A", "NOERROR aa\(soa)"),
            ("none.example.com. A", "NXDOMAIN aa\(soa)"),
            ("none.example.com. MX", "NXDOMAIN aa\(soa)"),
            ("example.com. A", "NOERROR aa\(soa)"),
            ("example.com. SOA", "NOERROR aa\(soa)"),
            ("other.example.net. A", "SERVFAIL"),
        ])
    func defaults(_ question: String, _ answer: String) throws {
        let server = try GatewayServer()
        try server.list([Self.ingress, Self.service])
        #expect(server.ask(question) == answer)
    }

    @Test(
        "routes have the addresses of their gateways",
        arguments: [GatewayKind.httpRoute, .tlsRoute, .grpcRoute])
    func routes(_ kind: GatewayKind) throws {
        let server = try GatewayServer("resources \(kind.rawValue)\nttl 10")
        try server.list([Self.gateway, Self.route(kind, "api.example.com"), Self.ingress])
        #expect(server.ask("api.example.com. A") == "NOERROR aa\napi.example.com. 10 A 192.0.2.3")
        // Not a resource that is wanted.
        #expect(server.ask("shop.example.com. A").hasPrefix("NXDOMAIN"))
        try server.delete(.gateway, Self.gateway.1)
        #expect(server.ask("api.example.com. A").hasPrefix("NXDOMAIN"))
    }

    @Test("the name of a gateway's listener") func listener() throws {
        let server = try GatewayServer("resources Gateway")
        try server.list([Self.gateway])
        #expect(server.ask("listener.example.com. A") == "NOERROR aa\nlistener.example.com. 60 A 192.0.2.3")
    }

    @Test("of several resources the first that knows a name gives its addresses") func precedence() throws {
        let host = Self.route(.httpRoute, "shop.example.com")
        let routeFirst = try GatewayServer("resources HTTPRoute Ingress")
        try routeFirst.list([Self.gateway, host, Self.ingress])
        #expect(routeFirst.ask("shop.example.com. A") == "NOERROR aa\nshop.example.com. 60 A 192.0.2.3")
        let ingressFirst = try GatewayServer("resources Ingress HTTPRoute")
        try ingressFirst.list([Self.gateway, host, Self.ingress])
        #expect(ingressFirst.ask("shop.example.com. A") == "NOERROR aa\nshop.example.com. 60 A 192.0.2.1")
    }

    @Test("classes") func classes() throws {
        let server = try GatewayServer(
            "resources Ingress HTTPRoute\ningressClasses traefik\ngatewayClasses istio envoy")
        try server.list([Self.gateway, Self.route(.httpRoute, "api.example.com"), Self.ingress])
        #expect(server.ask("shop.example.com. A").hasPrefix("NXDOMAIN"))
        #expect(server.ask("api.example.com. A") == "NOERROR aa\napi.example.com. 60 A 192.0.2.3")
    }

    @Test("names that annotations give a Service") func annotations() throws {
        let server = try GatewayServer()
        try server.list([
            (
                .service,
                """
                {"metadata": {"name": "db", "namespace": "shop", "annotations":
                    {"external-dns.alpha.kubernetes.io/hostname": "One.example.com, two.example.com"}},
                 "spec": {"type": "LoadBalancer", "externalIPs": ["192.0.2.9"]},
                 "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]}}}
                """
            )
        ])
        #expect(server.ask("one.example.com. A") == "NOERROR aa\none.example.com. 60 A 192.0.2.9")
        #expect(server.ask("two.example.com. A") == "NOERROR aa\ntwo.example.com. 60 A 192.0.2.9")
        #expect(server.ask("db.shop.example.com. A").hasPrefix("NXDOMAIN"))
    }

    @Test("a Service that wants its endpoints named") func endpoints() throws {
        let server = try GatewayServer()
        try server.list([
            (
                .service,
                """
                {"metadata": {"name": "db", "namespace": "shop", "annotations":
                    {"k8s-gateway.dns/resolve-endpoints": "true"}}, "spec": {"type": "ClusterIP"}}
                """
            ),
            (
                .endpointSlice,
                """
                {"metadata": {"name": "db-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "db"}},
                 "endpoints": [{"addresses": ["10.244.0.1"]}, {"addresses": ["10.244.0.2"], "conditions": {"ready": false}}]}
                """
            ),
        ])
        #expect(server.ask("db.shop.example.com. A") == "NOERROR aa\ndb.shop.example.com. 60 A 10.244.0.1")
    }

    @Test("a load balancer that has a name is led to") func balancerName() throws {
        let server = try GatewayServer(behind: "forward . @UPSTREAM@") {
            [$0.reply([.a($0.parsed.name, "198.51.100.1", ttl: 20)])]
        }
        try server.list([
            (
                .service,
                """
                {"metadata": {"name": "db", "namespace": "shop"}, "spec": {"type": "LoadBalancer"},
                 "status": {"loadBalancer": {"ingress": [{"hostname": "lb.cloud.test"}]}}}
                """
            )
        ])
        #expect(
            server.ask("db.shop.example.com. A")
                == "NOERROR aa\ndb.shop.example.com. 60 CNAME lb.cloud.test.\nlb.cloud.test. 20 A 198.51.100.1")
    }

    @Test("records of DNSEndpoints, each at its own name") func dnsEndpoints() throws {
        let server = try GatewayServer("resources DNSEndpoint")
        try server.list([
            (
                .dnsEndpoint,
                """
                {"metadata": {"name": "e", "namespace": "shop"}, "spec": {"endpoints": [
                    {"dnsName": "a.example.com", "recordType": "A", "targets": ["192.0.2.4"]},
                    {"dnsName": "t.example.com", "recordType": "TXT", "targets": ["hello"]},
                    {"dnsName": "c.example.com", "recordType": "CNAME", "targets": ["a.example.com"]}]}}
                """
            )
        ])
        #expect(server.ask("a.example.com. A") == "NOERROR aa\na.example.com. 60 A 192.0.2.4")
        #expect(server.ask("t.example.com. TXT").hasPrefix("NOERROR aa\nt.example.com. 60 TXT"))
        #expect(server.ask("t.example.com. A") == "NOERROR aa\(Self.soa)")
        #expect(server.ask("c.example.com. A").hasPrefix("NXDOMAIN"))
    }

    @Test("nodes by their names") func nodes() throws {
        let server = try GatewayServer("resources Node\nnodeAddressType ExternalIP")
        try server.list([
            (
                .node,
                """
                {"metadata": {"name": "n1"}, "status": {"addresses": [{"type": "Hostname", "address": "n1"},
                    {"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": "192.0.2.5"}]}}
                """
            )
        ])
        #expect(server.ask("n1.example.com. A") == "NOERROR aa\nn1.example.com. 60 A 192.0.2.5")
    }

    @Test("what is labelled to be left out is") func ignored() throws {
        let server = try GatewayServer()
        try server.list([
            (
                .ingress,
                """
                {"metadata": {"name": "web", "namespace": "shop", "labels": {"k8s-gateway.dns/ignore": "true"}},
                 "spec": {"rules": [{"host": "shop.example.com"}]},
                 "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
                """
            )
        ])
        #expect(server.ask("shop.example.com. A").hasPrefix("NXDOMAIN"))
    }

    @Test("the zone's name servers are Services") func nameServers() throws {
        let server = try GatewayServer("apex dns.infra\nsecondary dns2.infra")
        try server.list(
            [("dns", "192.0.2.53"), ("dns2", "192.0.2.54")].map { name, address in
                (
                    GatewayKind.service,
                    """
                    {"metadata": {"name": "\(name)", "namespace": "infra"}, "spec": {"type": "LoadBalancer"},
                     "status": {"loadBalancer": {"ingress": [{"ip": "\(address)"}]}}}
                    """
                )
            })
        #expect(
            server.ask("example.com. NS") == """
                NOERROR aa
                example.com. 60 NS dns.infra.example.com.
                example.com. 60 NS dns2.infra.example.com.
                dns.infra.example.com. 60 A 192.0.2.53
                dns2.infra.example.com. 60 A 192.0.2.54
                """)
        #expect(server.ask("dns.infra.example.com. A") == "NOERROR aa\ndns.infra.example.com. 60 A 192.0.2.53")
        #expect(server.ask("x.dns.infra.example.com. A").hasPrefix("NXDOMAIN"))
        // Without such a Service the names exist all the same.
        let bare = try GatewayServer()
        try bare.list([])
        #expect(bare.ask("dns1.kube-system.example.com. A") == "NOERROR aa\(Self.soa)")
        #expect(bare.ask("kube-system.example.com. A") == "NOERROR aa\(Self.soa)")
    }

    @Test("missing names go on where that is wanted") func fallthroughs() throws {
        let server = try GatewayServer("fallthrough", behind: "forward . @UPSTREAM@") {
            [$0.reply([.a($0.parsed.name, "198.51.100.1")])]
        }
        #expect(server.ask("none.example.com. A") == "SERVFAIL aa")
        try server.list([Self.ingress])
        #expect(server.ask("none.example.com. A") == "NOERROR\nnone.example.com. 300 A 198.51.100.1")
        #expect(server.ask("shop.example.com. A") == "NOERROR aa\nshop.example.com. 60 A 192.0.2.1")
    }

    @Test("before a kind was listed, and where it may not be, nothing is denied") func unknown() throws {
        let server = try GatewayServer()
        #expect(server.ask("shop.example.com. A") == "SERVFAIL aa")
        #expect(server.dns.failures == ["the API server has not been listed yet"])
        #expect(server.plugin.isReady == false)
        let ingresses = GatewayKind.ingress.collections(serviceSelectors: [])[0]
        let services = GatewayKind.service.collections(serviceSelectors: [])[0]
        server.plugin.index.apply(ingresses, [.listStarted, .listFinished])
        server.plugin.index.apply(services, [])
        #expect(server.plugin.unreadiness == "services may not be listed")
        try server.store(.ingress, Self.ingress.1)
        #expect(server.ask("shop.example.com. A") == "NOERROR aa\nshop.example.com. 60 A 192.0.2.1")
        #expect(server.ask("none.example.com. A") == "SERVFAIL aa")
        server.plugin.index.apply(services, [.listStarted, .listFinished])
        #expect(server.ask("none.example.com. A").hasPrefix("NXDOMAIN"))
        #expect(server.plugin.isReady == true)
    }

    @Test("what a list does not bring is gone, and not before it has ended") func relist() throws {
        let server = try GatewayServer()
        try server.list([Self.ingress, Self.service])
        let ingresses = GatewayKind.ingress.collections(serviceSelectors: [])[0]
        server.plugin.index.apply(ingresses, [.listStarted])
        #expect(server.ask("shop.example.com. A").hasPrefix("NOERROR"))
        server.plugin.index.apply(ingresses, [.listFinished])
        // It still stands above the Service's name.
        #expect(server.ask("shop.example.com. A") == "NOERROR aa\(Self.soa)")
        #expect(server.ask("a.wild.example.com. A").hasPrefix("NXDOMAIN"))
        #expect(server.ask("db.shop.example.com. A").hasPrefix("NOERROR"))
    }
}
