package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Counts queries and answers, and shows every metric of the process at `/metrics`.
package final class PrometheusPlugin: Plugin {
    package static let directive = "prometheus"
    private let address: SocketAddress
    private let block: BlockSettings

    private static var options: OptionTable<Void> {
        [
            .ignored("runtime_metrics"),
            .custom("tls", isListed: false) { line, _, _ throws(ConfigurationError) in
                throw line.error(
                    found: "tls", expected: "runtime_metrics: the page is plain HTTP, for a proxy beside it to encrypt")
            },
        ]
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 9153)
        if let directive = check.only(directives) {
            address = check.listenAddress(of: directive, in: block) ?? address
            Self.options.read(directive.block, &check)
        }
        self.address = address
        self.block = block
        try check.finish()
    }

    package func start(_ environment: any PluginEnvironment) async {
        for zone in block.zones {
            for name in environment.plugins.map(\.directive) {
                environment.metrics.reading(
                    "coredns_plugin_enabled",
                    "A metric that indicates whether a plugin is enabled on per server and zone basis.",
                    [("server", block.serverLabel), ("zone", zone.description), ("view", block.view), ("name", name)]
                ) { 1 }
            }
        }
    }

    package var statusPages: [StatusPage] {
        let metrics = block.metrics
        return [
            StatusPage(address: address, path: "/metrics") {
                StatusReply(status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: metrics.text)
            }
        ]
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { PrometheusHandler(block, server) }
}
