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

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        check.expectOnce(directives)
        var address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 9153)
        for directive in directives {
            if let token = directive.arguments.first {
                check.attempt { () throws(ConfigurationError) in try directive.listenAddress(token, wildcard: block.wildcard) }
                    .map { address = SocketAddress($0.0, port: $0.1) }
            }
            for property in directive.block where property.name != "runtime_metrics" {
                check.report(property.unknownProperty(known: ["runtime_metrics"]))
            }
        }
        self.address = address
        self.block = block
        try check.finish()
    }

    package func start(_ environment: any PluginEnvironment) async {
        for zone in block.zones {
            for name in environment.plugins.map(\.directive) {
                environment.metrics.reading(
                    "coredns_plugin_enabled", "A metric that indicates whether a plugin is enabled on per server and zone basis.",
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
