package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization

/// Says at `/ready` whether every plugin can answer; names those that cannot.
package final class ReadyPlugin: Plugin {
    package static let directive = "ready"
    private let address: SocketAddress
    private let monitorsContinuously: Bool
    private let state = Mutex(State.waiting)
    private let wasReady = Mutex<Set<String>>([])

    private enum State {
        case waiting
        case serving(any PluginEnvironment)
        /// What it said last, for those who asked before the next one was there to ask.
        case replaced(StatusReply)
    }

    private static var options: OptionTable<Bool> {
        [.choice("monitor", [("until-ready", false), ("continuously", true)], \.self, rest: .refusedLast)]
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var address = SocketAddress(block.wildcard, port: 8181)
        var continuously = false
        for directive in directives {
            check.attempt(try directive.expectCount(0...1))
            address = check.listenAddress(of: directive, in: block) ?? address
            Self.options.read(directive.block, into: &continuously, &check)
        }
        self.address = address
        monitorsContinuously = continuously
        try check.finish()
    }

    package func start(_ environment: any PluginEnvironment) async {
        state.withLock { $0 = .serving(environment) }
    }

    /// What it asks has all plugins, this one too: a configuration that was replaced would never be given up.
    package func stop() async {
        let last = respond()
        state.withLock { $0 = .replaced(last) }
    }

    package var statusPages: [StatusPage] {
        [StatusPage(address: address, path: "/ready") { [self] in respond() }]
    }

    private func respond() -> StatusReply {
        let environment: any PluginEnvironment
        switch state.withLock({ $0 }) {
        case .waiting: return StatusReply(status: 503, body: "not serving")
        case .replaced(let last): return last
        case .serving(let serving): environment = serving
        }
        guard !environment.isStopping else { return StatusReply(status: 503, body: "stopping") }
        let missing = wasReady.withLock { wasReady in
            environment.plugins.compactMap { plugin -> String? in
                guard let isReady = plugin.isReady else { return nil }
                // Once ready, API loss alone must not take a replica out of service.
                if isReady { wasReady.insert(plugin.directive) }
                if isReady || !monitorsContinuously && wasReady.contains(plugin.directive) { return nil }
                return plugin.directive + (plugin.unreadiness.map { " (\($0))" } ?? "")
            }
        }
        guard missing.isEmpty else {
            return StatusReply(status: 503, body: Set(missing).sorted().joined(separator: ","))
        }
        return StatusReply(status: 200, body: "OK")
    }
}
