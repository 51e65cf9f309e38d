import ClusterModel
import ClusterSource
import DNSServer
import DNSWire
import Synchronization
import TestKit
import Testing

@testable import Plugins

// The tests' own address, which is that of the pod that asks.
private let client = pod("shop/client", "127.0.0.1")
private let cluster = [
    namespace("shop"), namespace("other"), service("shop/web", "10.96.0.10"),
    service("other/db", "10.96.0.20", "fd00:96::20"), externalName("other/far", "a.test"), client,
]
private let soa =
    "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5"
private let kubernetes = "autopath @kubernetes\nkubernetes cluster.local"

/// Knows `a.test` and `a.corp.test`, with addresses of one family each; every other name is missing.
private let upstream: ScriptedUpstream.Script = { query in
    let (name, type, _, _) = query.parsed
    switch (name, type) {
    case ("a.test.", .a): return [query.reply([.a("a.test.", "192.0.2.1")])]
    case ("a.test.", _): return [query.reply(authority: [.soa("test.")])]
    case ("B.test.", .a): return [query.reply([.a("B.test.", "192.0.2.2", ttl: 7)])]
    // A server that denies the name when it only lacks the type.
    case ("half.test.", .a): return [query.reply([.a("half.test.", "192.0.2.3")])]
    case ("broken.test.", _): return [query.reply(code: 2)]
    default: return [query.reply(authority: [.soa("test.")], code: 3)]
    }
}

@Suite("autopath: names of the cluster") struct AutoPathInCluster {
    @Test(arguments: [
        ("web.shop.svc.cluster.local. A", "NOERROR aa\nweb.shop.svc.cluster.local. 5 IN A 10.96.0.10"),
        ("web.shop.svc.cluster.local. AAAA", "NOERROR aa\n\(soa)"),
        (
            "db.other.shop.svc.cluster.local. A",
            "NOERROR aa\ndb.other.shop.svc.cluster.local. 5 IN CNAME db.other.svc.cluster.local.\n"
                + "db.other.svc.cluster.local. 5 IN A 10.96.0.20"
        ),
        (
            "Db.Other.shop.svc.CLUSTER.local. AAAA",
            "NOERROR aa\nDb.Other.shop.svc.CLUSTER.local. 5 IN CNAME Db.Other.svc.cluster.local.\n"
                + "Db.Other.svc.cluster.local. 5 IN AAAA fd00:96::20"
        ),
        (
            "db.other.shop.svc.cluster.local. TXT",
            "NOERROR aa\ndb.other.shop.svc.cluster.local. 5 IN CNAME db.other.svc.cluster.local.\n\(soa)"
        ),
        (
            "db.other.svc.shop.svc.cluster.local. A",
            "NOERROR aa\ndb.other.svc.shop.svc.cluster.local. 5 IN CNAME db.other.svc.cluster.local.\n"
                + "db.other.svc.cluster.local. 5 IN A 10.96.0.20"
        ),
        ("ghost.shop.svc.cluster.local. A", "NXDOMAIN aa\n\(soa)"),
        // Not the first element's: the client's resolver goes on by itself.
        ("db.other.cluster.local. A", "NXDOMAIN aa\n\(soa)"),
        ("shop.svc.cluster.local. A", "NOERROR aa\n\(soa)"),
        ("db.other.other.svc.cluster.local. A", "NXDOMAIN aa\n\(soa)"),
    ])
    func answers(_ question: String, _ answer: String) throws {
        let dns = try ClusterServer(kubernetes, cluster)
        #expect(try dns.ask(question) == answer)
        #expect(try dns.ask(question) == answer)
    }

    @Test(
        "pods are known with every setting, and have names only as it says",
        arguments: [
            ("disabled", "NXDOMAIN"), ("insecure", "NOERROR"), ("verified", "NOERROR"),
        ])
    func everyPodSetting(_ pods: String, _ code: String) throws {
        let dns = try ClusterServer("\(kubernetes) {\npods \(pods)\n}", cluster)
        #expect(try dns.ask("db.other.shop.svc.cluster.local. A").hasPrefix("NOERROR aa\ndb.other.shop"))
        #expect(try dns.ask("127-0-0-1.shop.pod.cluster.local. A").hasPrefix(code))
        #expect(dns.plugin.settings.cluster.kinds.contains(.pod))
    }

    @Test("a pod of a namespace that is not visible still has its path") func hiddenNamespace() throws {
        let dns = try ClusterServer("\(kubernetes) {\nnamespaces other\n}", cluster)
        #expect(try dns.ask("db.other.shop.svc.cluster.local. A").contains("10.96.0.20"))
        #expect(try dns.ask("web.shop.svc.cluster.local. A").hasPrefix("NXDOMAIN"))
    }

    @Test("only inside the zones of the line") func otherZones() throws {
        let dns = try ClusterServer("autopath other.zone @kubernetes\nkubernetes cluster.local", cluster)
        #expect(try dns.ask("db.other.shop.svc.cluster.local. A") == "NXDOMAIN aa\n\(soa)")
    }
}

@Suite("autopath: who asks") struct AutoPathClients {
    private static let question = "db.other.shop.svc.cluster.local. A"

    @Test(
        "an address that does not stand for one namespace",
        arguments: [
            [], [pod("shop/node", "127.0.0.1", usesHostNetwork: true)],
            [client, pod("shop/node", "127.0.0.1", usesHostNetwork: true)], [client, pod("other/new", "127.0.0.1")],
            [pod("shop/client", "127.0.0.2")],
        ])
    func unknown(_ pods: [ClusterObject]) throws {
        let dns = try ClusterServer(kubernetes, cluster.filter { $0.kind != .pod } + pods)
        #expect(try dns.ask(Self.question) == "NXDOMAIN aa\n\(soa)")
    }

    @Test("two pods of one namespace, and a pod that comes after another") func known() throws {
        let dns = try ClusterServer(kubernetes, cluster + [pod("shop/second", "127.0.0.1")])
        #expect(try dns.ask(Self.question).hasPrefix("NOERROR"))
        dns.list(cluster.filter { $0.kind != .pod } + [pod("other/next", "127.0.0.1")])
        #expect(try dns.ask(Self.question).hasPrefix("NXDOMAIN"))
        #expect(try dns.ask("web.shop.other.svc.cluster.local. A").contains("10.96.0.10"))
        dns.list(cluster.filter { $0.kind != .pod })
        #expect(try dns.ask("web.shop.other.svc.cluster.local. A").hasPrefix("NXDOMAIN"))
    }

    @Test("nobody while pods are not followed") func notFollowed() throws {
        let dns = try ClusterServer(kubernetes, cluster)
        dns.fail(.pod)
        #expect(try dns.ask(Self.question) == "NXDOMAIN aa\n\(soa)")
    }

    @Test("a pod that goes while an upstream is asked is not completed any further") func goesMeanwhile() throws {
        let change = Mutex<(@Sendable () -> Void)?>(nil)
        let dns = try ClusterServer(
            "\(kubernetes)\nforward . @UPSTREAM@", cluster, files: ["/etc/resolv.conf": "search corp.test\n"]
        ) { query in
            change.withLock { $0 }?()
            return [query.reply(authority: [.soa("test.")], code: 3)]
        }
        let followed = dns.cluster
        change.withLock { $0 = { followed.list(cluster.filter { $0.kind != .pod }) } }
        #expect(try dns.ask("x.test.shop.svc.cluster.local. A") == "NXDOMAIN aa\n\(soa)")
        #expect(dns.queries.map(\.parsed.name) == ["x.test.corp.test."])
    }
}

@Suite("autopath: names of upstreams") struct AutoPathUpstream {
    private func server(_ plugins: String = "") throws -> ClusterServer {
        try ClusterServer(
            "\(plugins)\n\(kubernetes)\nforward . @UPSTREAM@", cluster,
            files: ["/etc/resolv.conf": "domain gone.test\nsearch corp.test svc.cluster.local\noptions ndots:5\n"],
            upstream: upstream)
    }

    @Test(arguments: [
        (
            "a.test.shop.svc.cluster.local. A",
            "NOERROR aa\na.test.shop.svc.cluster.local. 300 IN CNAME a.test.\na.test. 300 IN A 192.0.2.1"
        ),
        // The same name for the type it has no records of.
        (
            "a.test.shop.svc.cluster.local. AAAA",
            "NOERROR aa\na.test.shop.svc.cluster.local. 300 IN CNAME a.test.\ntest. 300 IN SOA . . 1 2 3 4 60"
        ),
        (
            "B.test.shop.svc.cluster.local. A",
            "NOERROR aa\nB.test.shop.svc.cluster.local. 7 IN CNAME B.test.\nB.test. 7 IN A 192.0.2.2"
        ),
        (
            "half.test.shop.svc.cluster.local. AAAA",
            "NOERROR aa\nhalf.test.shop.svc.cluster.local. 0 IN CNAME half.test."
        ),
        ("ghost.test.shop.svc.cluster.local. A", "NXDOMAIN aa\n\(soa)"),
        ("broken.test.shop.svc.cluster.local. A", "SERVFAIL"),
        (
            "far.other.shop.svc.cluster.local. A",
            "NOERROR aa\nfar.other.shop.svc.cluster.local. 5 IN CNAME far.other.svc.cluster.local.\n"
                + "far.other.svc.cluster.local. 5 IN CNAME a.test.\na.test. 300 IN A 192.0.2.1"
        ),
    ])
    func answers(_ question: String, _ answer: String) throws {
        let dns = try server()
        #expect(try dns.ask(question) == answer)
    }

    @Test("each element is asked once, in order, before the name itself") func order() throws {
        let dns = try server()
        _ = try dns.ask("a.test.shop.svc.cluster.local. TXT")
        #expect(dns.queries.map(\.parsed.name) == ["a.test.corp.test.", "a.test."])
    }

    @Test("names tried are kept by cache like any other") func cached() throws {
        let dns = try server("cache 30")
        let answer = try dns.ask("a.test.shop.svc.cluster.local. A")
        let asked = dns.queries.count
        #expect(try dns.ask("a.test.shop.svc.cluster.local. A").split(separator: "\n").count == 3)
        #expect(answer.hasPrefix("NOERROR aa"))
        #expect(dns.queries.count == asked)
    }

    @Test("successes are counted") func counted() throws {
        let dns = try server()
        for name in ["a.test", "db.other", "ghost.test", "broken.test", "web"] {
            _ = try dns.ask("\(name).shop.svc.cluster.local. A")
        }
        #expect(dns.metric("coredns_autopath_success_total") == "2")
    }

    @Test("over TCP as over UDP, many at once") func transports() throws {
        let dns = try server()
        dns.server.upstreams[0].hold()
        let asked = (0..<40).map {
            dns.server.begin("a.test.shop.svc.cluster.local. A", over: $0 % 2 == 0 ? .tcp : .udp)
        }
        #expect(asked.allSatisfy { $0.text == "silence" })
        dns.server.release()
        for asked in asked { #expect(asked.text.hasSuffix("a.test. 300 A 192.0.2.1")) }
    }

    @Test("without a plugin for other names the client's own answer stands") func nobodyBehind() throws {
        let dns = try ClusterServer(kubernetes, cluster)
        #expect(try dns.ask("a.test.shop.svc.cluster.local. A") == "NXDOMAIN aa\n\(soa)")
    }
}

@Suite("autopath: the path of a file") struct AutoPathFile {
    private static let files = ["/search": "nameserver 192.0.2.1\nsearch one.test. two.test\n"]

    @Test func answers() throws {
        let dns = try MemoryServer(
            "autopath /search\nhosts {\n192.0.2.1 a.two.test b.one.test\n192.0.2.9 c\nfallthrough\n}", files: Self.files
        )
        #expect(
            dns.ask("b.one.test. A") == "NOERROR aa\nb.one.test. 3600 A 192.0.2.1")
        // `hosts` alone knows no missing names: there is nothing to complete.
        #expect(dns.ask("a.one.test. A") == "SERVFAIL")
    }

    @Test func completes() throws {
        let dns = try MemoryServer("autopath /search\nforward . @UPSTREAM@", files: Self.files) { query in
            query.parsed.name == "a.two.test."
                ? [query.reply([.a("a.two.test.", "192.0.2.1")])] : [query.reply(authority: [.soa("test.")], code: 3)]
        }
        #expect(
            dns.ask("a.one.test. A")
                == "NOERROR\na.one.test. 300 CNAME a.two.test.\na.two.test. 300 A 192.0.2.1")
        #expect(dns.ask("x.one.test. A").hasPrefix("NXDOMAIN"))
        #expect(dns.ask("x.two.test. A").hasPrefix("NXDOMAIN"))
    }
}

@Suite("autopath: what a Corefile may say") struct AutoPathSettingsErrors {
    private static let provider = "@ and a plugin of this server block that knows its clients: kubernetes"
    private static let files = [
        "/search": "search one.test\n", "/none": "nameserver 192.0.2.1\n", "/bad": "search a..b\n",
    ]

    @Test(arguments: [
        ("autopath @kubernetes\nkubernetes cluster.local", "no errors"),
        ("autopath cluster.local @kubernetes\nkubernetes cluster.local {\npods verified\n}", "no errors"),
        ("autopath /search", "no errors"),
        ("autopath", "autopath: found nothing, expected @kubernetes or a file like /etc/resolv.conf"),
        ("autopath @kubernetes", "autopath: found @kubernetes, expected \(provider)"),
        ("autopath @cache\ncache", "autopath: found @cache, expected \(provider)"),
        ("autopath /none", "autopath: found /none without a search line, expected 1 to 16 domain names to search"),
        ("autopath /bad", "autopath: found /bad with search a..b, expected 1 to 16 domain names to search"),
        (
            "autopath /gone",
            "autopath: found /gone, which cannot be read: no such file, expected @kubernetes or a file like /etc/resolv.conf"
        ),
        ("autopath /search\nautopath /search", "autopath: found a second autopath in this server block, expected one"),
        ("autopath /search {\n}", "autopath: found a block, expected no block"),
    ])
    func errors(_ directives: String, _ expected: String) {
        #expect(TestPlan.errors(directives, files: Self.files) == expected)
    }
}
