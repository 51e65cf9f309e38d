import ClusterModel
import ClusterSource
import DNSServer
import TestKit
import Testing

@testable import Plugins

@Suite("metadata: labels in log lines", .serialized) struct MetadataLabels {
    private static let format =
        "{name} kind={/kubernetes/kind} ns={/kubernetes/namespace} svc={/kubernetes/service} ep={/kubernetes/endpoint} "
        + "port={/kubernetes/port-name}/{/kubernetes/protocol} cluster={/kubernetes/cluster} "
        + "error={/kubernetes/parse-error} client={/kubernetes/client-namespace} other={/other/label}"

    init() { RecordedLog.begin() }

    private static let objects = [namespace("shop"), service("shop/web", "10.96.0.10"), pod("team/me", "127.0.0.1")]

    /// The log line of a question, its name left out.
    private func line(_ question: String, _ directives: String) throws -> String {
        let dns = try ClusterServer("log . \"\(Self.format)\"\n\(directives)", Self.objects)
        _ = try dns.ask(question)
        let name = question.prefix { $0 != " " }.lowercased()
        let line = RecordedLog.lines(with: "[INFO] \(name) ").last
        return String(try #require(line).dropFirst("[INFO] \(name) ".count))
    }

    private let verified =
        "kubernetes cluster.local clusterset.local in-addr.arpa {\nmulticluster clusterset.local\npods verified\n}"

    @Test(arguments: [
        (
            "web.shop.svc.cluster.local. A",
            "kind=svc ns=shop svc=web ep= port=/ cluster=- error=- client=team other=-"
        ),
        (
            "_HTTP._tcp.ghost.shop.svc.cluster.local. SRV",
            "kind=svc ns=shop svc=ghost ep= port=http/tcp cluster=- error=- client=team other=-"
        ),
        (
            "web-0.db.shop.svc.cluster.local. A",
            "kind=svc ns=shop svc=db ep=web-0 port=/ cluster=- error=- client=team other=-"
        ),
        (
            "web-0.east.db.shop.svc.clusterset.local. A",
            "kind=svc ns=shop svc=db ep=web-0 port=/ cluster=east error=- client=team other=-"
        ),
        (
            "10-0-0-1.shop.pod.cluster.local. A",
            "kind=pod ns=shop svc=10-0-0-1 ep= port=/ cluster=- error=- client=team other=-"
        ),
        ("shop.svc.cluster.local. A", "kind=svc ns=shop svc= ep= port=/ cluster=- error=- client=team other=-"),
        ("cluster.local. SOA", "kind= ns= svc= ep= port=/ cluster=- error=- client=team other=-"),
        (
            "a.b.cluster.local. A",
            "kind=- ns=- svc=- ep=- port=-/- cluster=- error=invalid query name client=team other=-"
        ),
        ("example.org. A", "kind=- ns=- svc=- ep=- port=-/- cluster=- error=- client=team other=-"),
        // What comes from a question cannot begin a line of its own.
        (
            "a\\010b.shop.svc.cluster.local. A",
            "kind=svc ns=shop svc=a\\010b ep= port=/ cluster=- error=- client=team other=-"
        ),
    ])
    func labels(_ question: String, _ expected: String) throws {
        #expect(try line(question, "metadata\n\(verified)") == expected)
    }

    @Test("pods are known by their addresses only where they are followed") func clients() throws {
        let end = "error=- client=- other=-"
        #expect(try line("web.shop.svc.cluster.local. A", "metadata\nkubernetes cluster.local").hasSuffix(end))
    }

    @Test("none without the plugin, and none beside its zones") func without() throws {
        let none = "kind=- ns=- svc=- ep=- port=-/- cluster=- error=- client=- other=-"
        #expect(try line("web.shop.svc.cluster.local. A", verified) == none)
        #expect(try line("web.shop.svc.cluster.local. A", "metadata other.zone\n\(verified)") == none)
    }

    @Test(arguments: [
        ("metadata", "no errors"), ("metadata cluster.local 10.0.0.0/8", "no errors"),
        ("metadata\nmetadata", "metadata: found a second metadata in this server block, expected one"),
        ("metadata {\nx\n}", "metadata: found a block, expected no block"),
    ])
    func settings(_ directives: String, _ expected: String) { #expect(TestPlan.errors(directives) == expected) }

    @Test(
        "the pod that asks: its name and labels, while one pod has the address",
        arguments: [
            (
                [pod("team/me", "127.0.0.1", labels: ["app": "shop", "example.org/tier": "web"])],
                "me app=shop tier=web none=-"
            ),
            ([pod("team/me", "127.0.0.1", labels: ["app": "a b\n[INFO] x"])], "me app=ab[INFO]x tier=- none=-"),
            ([pod("team/me", "127.0.0.2", labels: ["app": "shop"])], "- app=- tier=- none=-"),
            ([pod("team/me", "127.0.0.1"), pod("team/next", "127.0.0.1")], "- app=- tier=- none=-"),
            ([pod("team/me", "127.0.0.1", usesHostNetwork: true, labels: ["app": "shop"])], "- app=- tier=- none=-"),
        ])
    func clients(_ pods: [ClusterObject], _ wanted: String) throws {
        let format =
            "{name} {/kubernetes/client-pod-name} app={/kubernetes/client-label/app} "
            + "tier={/kubernetes/client-label/example.org/tier} none={/kubernetes/client-label/none}"
        let dns = try ClusterServer("metadata\nlog . \"\(format)\"\n\(verified)", pods)
        _ = try dns.ask("web.shop.svc.cluster.local. A")
        let line = RecordedLog.lines(with: " app=").last
        #expect(line == "[INFO] web.shop.svc.cluster.local. \(wanted)")
    }

    @Test("pods that a list does not name any more are forgotten") func forgotten() throws {
        let pods = ClientPods()
        guard case .pod(let me) = pod("team/me", "10.0.0.1"), case .pod(let next) = pod("team/next", "10.0.0.1") else {
            return
        }
        let address = me.addresses[0]
        pods.apply([.relistStarted(.pod), .stored(.pod(me)), .relistFinished(.pod)])
        #expect(pods.pod(at: address)?.name == "me")
        pods.apply([.stored(.pod(next))])
        #expect(pods.pod(at: address) == nil)
        pods.apply([.deleted(.pod, me.key)])
        #expect(pods.pod(at: address)?.name == "next")
        pods.apply([.relistStarted(.pod), .kept(.pod, next.key), .relistFinished(.pod)])
        #expect(pods.pod(at: address)?.name == "next")
        pods.apply([.relistStarted(.pod), .relistFinished(.pod)])
        #expect(pods.pod(at: address) == nil)
    }

    @Test("not without metadata, nor without verified pods") func notWanted() throws {
        #expect(try ClusterServer(verified).plugin.settings.cluster.namesClients == false)
        #expect(try ClusterServer("metadata\n\(verified)").plugin.settings.cluster.namesClients)
        #expect(try ClusterServer("metadata\nkubernetes cluster.local").plugin.settings.cluster.namesClients == false)
    }
}
