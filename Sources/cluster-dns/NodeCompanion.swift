import DNSServer
import DNSWire
import EventLoop
import NodeTier
import Telemetry
import Text

/// What a node's cache does beside serving: the host's part, a page of metrics, and looks at its files.
struct NodeCompanion: ServingCompanion {
    private let settings: NodeSettings
    private let files: NodeFiles
    private let host: HostNetwork
    private let pages = StatusServer()

    /// Between two looks at the files, which cost little. node-cache takes ten.
    private static let pause = Duration.seconds(2)
    /// Between two looks at files that have changed: who exchanges them has no moment for all of them.
    private static let settling = Duration.milliseconds(200)

    init(_ settings: NodeSettings, _ files: NodeFiles) {
        self.settings = settings
        self.files = files
        host = HostNetwork(settings.host)
    }

    func prepare(_ metrics: MetricRegistry) async throws {
        for remark in settings.remarks { Log.info("node: \(remark)") }
        for kind in NodeMetrics.kinds { _ = NodeMetrics.errors(metrics, kind) }
        await showMetrics(metrics)
        host.setUp(metrics)
    }

    func accompany(_ server: Server) async {
        await withTaskGroup { group in
            group.addTask { await followFiles(server) }
            group.addTask {
                repeat { host.keepInStep() } while (try? await Task.sleep(for: settings.host.interval)) != nil
            }
        }
    }

    func end() async {
        await pages.stop()
        if !settings.host.stays { host.remove() }
    }

    /// Reloads when the files are not those that were read last; what they say wrong is said where they are read.
    private func followFiles(_ server: Server) async {
        while (try? await Task.sleep(for: Self.pause)) != nil {
            let found = await now()
            guard found != files.lastRead, (try? await Task.sleep(for: Self.settling)) != nil, await now() == found
            else {
                continue
            }
            // By itself: who ends the process waits for no reload.
            Task { await server.reload() }
        }
    }

    private func now() async -> NodeFiles.Reading { await WorkThread.files.run { [files] in files.now } }

    /// A port that is taken keeps nobody's pods from names.
    private func showMetrics(_ metrics: MetricRegistry) async {
        guard let page = settings.metrics else { return }
        let wildcard = System.supportsIPv6 ? IPAddress(v6High: 0, low: 0) : IPAddress(v4: 0)
        let address = page.address.flatMap { IPAddress(octets: $0.bytes) } ?? wildcard
        do {
            try await pages.serve([
                StatusPage(address: SocketAddress(address, port: page.port), path: "/metrics") {
                    StatusReply(
                        status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: metrics.text)
                }
            ])
        } catch {
            Log.error("node: -metrics-listen-address: \(error)")
        }
    }
}

enum NodeMetrics {
    /// node-cache's kinds.
    static let kinds = ["iptables", "iptables_lock", "interface_add", "interface_check", "configmap"]

    static func errors(_ metrics: MetricRegistry, _ kind: String) -> Counter {
        metrics.counter(
            "coredns_nodecache_setup_errors_total",
            "The number of errors during periodic network setup for node-cache", [("errortype", kind)])
    }
}
