import ClusterModel
import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("kubernetes: readiness") struct KubernetesReadiness {
    @Test("not before it is started, not before the first list, and ever after") func isReady() throws {
        let address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53)
        let plan = try TestPlan.block("kubernetes cluster.local", at: address, MetricRegistry())
        #expect(plan.plugins.compactMap(\.isReady) == [false])
        let dns = try ClusterServer("kubernetes cluster.local", nil)
        #expect(dns.plugin.isReady == false)
        dns.list([])
        #expect(dns.plugin.isReady == true)
        #expect(dns.plugin.startupTimeout == .seconds(5))
    }

    @Test("/ready names the plugin that it waits for") func readyPage() async throws {
        let dns = try ClusterServer("ready 127.0.0.1:8181\nkubernetes cluster.local", nil)
        let ready = try #require(dns.plan.plugins.compactMap { $0 as? ReadyPlugin }.first)
        let page = try #require(ready.statusPages.first)
        #expect(page.respond().status == 503)
        await ready.start(HeldPlugins(dns.plan.plugins))
        #expect(page.respond().status == 503)
        #expect(page.respond().body == "kubernetes")
        dns.list([])
        #expect(page.respond().status == 200)
        #expect(page.respond().body == "OK")
    }

    @Test("a configuration that was replaced is given up, whatever its plugins held of it") func givenUp() async throws
    {
        weak var plan: ServingPlan?
        weak var environment: HeldPlugins?
        do {
            let made = try TestPlan.block(
                "ready 127.0.0.1:8181\nerrors\nlog\ncache\nloadbalance\nforward . 127.0.0.1",
                at: SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53), MetricRegistry())
            let held = HeldPlugins(made.plugins)
            (plan, environment) = (made, held)
            for plugin in made.plugins { await plugin.start(held) }
            for plugin in made.plugins { await plugin.stop() }
        }
        #expect(plan == nil && environment == nil)
    }
}

@Suite("kubernetes: reload") struct KubernetesReload {
    private func plugin(_ directive: String) throws -> KubernetesPlugin {
        let address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53)
        let plan = try TestPlan.block(directive, at: address, MetricRegistry())
        return try #require(plan.plugins.compactMap { $0 as? KubernetesPlugin }.first)
    }

    private static let old = "kubernetes cluster.local {\nendpoint https://10.0.0.1\nnamespaces shop\n}"

    @Test(
        "settings that need the same objects go on with the same watches",
        arguments: [
            old, "kubernetes cluster.local in-addr.arpa {\nendpoint https://10.0.0.1\nnamespaces shop\n}",
            "kubernetes cluster.test {\nnamespaces shop\nttl 30\nfallthrough\nendpoint https://10.0.0.1\n}",
        ])
    func kept(_ directive: String) async throws {
        let dns = try ClusterServer(Self.old, [])
        let new = try plugin(directive)
        new.adopt(dns.plugin)
        #expect(new.following.withLock { $0 } === dns.plugin.following.withLock { $0 })
        #expect(new.isReady == true)
        // The old plugin ends after the new one serves.
        await dns.plugin.stop()
        #expect(new.isReady == true)
    }

    @Test(
        "others follow anew",
        arguments: [
            "kubernetes cluster.local {\nendpoint https://10.0.0.2\nnamespaces shop\n}",
            "kubernetes cluster.local {\nendpoint https://10.0.0.1\nnamespaces lab\n}",
            "kubernetes cluster.local {\nendpoint https://10.0.0.1\nnamespaces shop\npods verified\n}",
            "kubernetes cluster.local {\nendpoint https://10.0.0.1\nnamespaces shop\nlabels app=web\n}",
            "kubernetes cluster.local {\nkubeconfig config\nnamespaces shop\n}",
        ])
    func dropped(_ directive: String) throws {
        let dns = try ClusterServer(Self.old, [])
        let new = try plugin(directive)
        new.adopt(dns.plugin)
        #expect(new.following.withLock { $0 } == nil)
        #expect(new.isReady == false)
    }

    @Test("answers go on from the cluster as it was, in the new form") func answers() async throws {
        let objects = [namespace("shop"), service("shop/web", "10.96.0.10")]
        let old = try ClusterServer("kubernetes cluster.local", objects)
        let adopted = try await LiveServer("kubernetes cluster.local {\nttl 60\n}") { plan, _ in
            for plugin in plan.plugins { plugin.adopt(old.plugin) }
        }
        await old.plugin.stop()
        #expect(
            await adopted.ask("web.shop.svc.cluster.local. A")
                == "NOERROR aa\nweb.shop.svc.cluster.local. 60 A 10.96.0.10")
        old.list([namespace("shop"), service("shop/web", "10.96.0.11")])
        #expect(
            await adopted.ask("web.shop.svc.cluster.local. A")
                == "NOERROR aa\nweb.shop.svc.cluster.local. 60 A 10.96.0.11")
    }
}
