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

    private static var options: OptionTable<Duration> { [.duration("lameduck", \.self, rest: .refusedLast)] }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var lameduck = Duration.zero
        var pages: [StatusPage] = []
        for directive in directives {
            check.attempt(try directive.expectCount(0...1))
            let address = check.listenAddress(of: directive, in: block) ?? SocketAddress(block.wildcard, port: 8080)
            Self.options.read(directive.block, into: &lameduck, &check)
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
