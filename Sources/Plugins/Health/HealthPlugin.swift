package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Says at `/health` that the process lives, and how long it keeps serving after it was asked to end.
package final class HealthPlugin: Plugin {
    package static let directive = "health"
    package let statusPages: [StatusPage]
    package let lameduck: Duration
    private let checks = Mutex<[Task<Void, Never>]>([])

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var lameduck = Duration.zero
        var pages: [StatusPage] = []
        for directive in directives {
            var address = SocketAddress(block.wildcard, port: 8080)
            if let token = directive.arguments.first {
                check.attempt { () throws(ConfigurationError) in try directive.listenAddress(token, wildcard: block.wildcard) }
                    .map { address = SocketAddress($0.0, port: $0.1) }
            }
            for property in directive.block {
                switch property.name {
                case "lameduck":
                    check.attempt { () throws(ConfigurationError) in try property.duration(0) }.map { lameduck = $0 }
                default:
                    check.report(property.unknownProperty(known: ["lameduck"]))
                }
            }
            pages.append(StatusPage(address: address, path: "/health") { StatusReply(status: 200, body: "OK") })
        }
        self.lameduck = lameduck
        statusPages = pages
        try check.finish()
    }

    package func start(_ environment: any PluginEnvironment) async {
        let checks = statusPages.map { page in
            let check = OwnPageCheck(page.address, environment.metrics)
            return Task { await check.run() }
        }
        self.checks.withLock { $0 = checks }
    }

    package func stop() async { checks.withLock { $0 }.forEach { $0.cancel() } }
}
