package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import KubernetesAPI
import Telemetry

/// Counts queries and answers, and shows every metric of the process at `/metrics`.
package final class PrometheusPlugin: Plugin {
    package static let directive = "prometheus"
    private let address: SocketAddress
    private let block: BlockSettings
    /// Nil for clear text.
    private let credentials: TransportCredentials?

    private static func options(_ files: FileAccess) -> OptionTable<TransportCredentials?> {
        [
            .ignored("runtime_metrics", 0...0),
            .line("tls", \.self, 1...3) { line throws(ConfigurationError) in try credentials(line, files) },
        ]
    }

    /// `tls CONFIG_FILE`, or `tls CERT KEY [CA]`.
    private static func credentials(
        _ line: Directive, _ files: FileAccess
    ) throws(ConfigurationError) -> TransportCredentials {
        let paths = line.words.map(files.path)
        if paths.count == 1 { return try webConfiguration(line, files) }
        return TransportCredentials(
            certificateFile: paths[0], keyFile: paths[1], authorityFile: paths.dropFirst(2).first,
            clientAuthentication: paths.count > 2 ? .requireAndVerify : .nothing)
    }

    private static func webConfiguration(
        _ line: Directive, _ files: FileAccess
    ) throws(ConfigurationError) -> TransportCredentials {
        let name = try line.argument(0, "a file").text
        let path = files.path(name)
        let text: String
        do {
            text = try files.read(name)
        } catch {
            throw line.error(
                found: "tls \(path), which cannot be read: \(error)",
                expected: "a web configuration file of Prometheus, or CERT KEY [CA]")
        }
        do throws(CredentialsError) {
            return try WebConfiguration.credentials(text, of: path)
        } catch {
            throw line.error(
                found: "tls \(path): \(error.key.isEmpty ? "" : error.key + ": ")\(error.found)",
                expected: error.expected)
        }
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 9153)
        var credentials: TransportCredentials?
        if let directive = check.only(directives) {
            address = check.listenAddress(of: directive, in: block) ?? address
            check.attempt(try directive.expectCount(0...1))
            Self.options(block.files).read(directive.block, into: &credentials, &check)
        }
        self.address = address
        self.credentials = credentials
        self.block = block
        try check.finish()
    }

    package func start(_ environment: any PluginEnvironment) async {
        for zone in block.zones {
            for name in environment.plugins.map(\.directive) {
                environment.metrics.reading(
                    "coredns_plugin_enabled",
                    "A metric that indicates whether a plugin is enabled on per server and zone basis.",
                    [("server", block.serverLabel), ("zone", zone.description), ("view", block.view), ("name", name)],
                    of: self
                ) { _ in 1 }
            }
        }
    }

    package var statusPages: [StatusPage] {
        let metrics = block.metrics
        return [
            StatusPage(address: address, path: "/metrics", credentials: credentials) {
                StatusReply(status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: metrics.text)
            }
        ]
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { PrometheusHandler(block, server) }
}
