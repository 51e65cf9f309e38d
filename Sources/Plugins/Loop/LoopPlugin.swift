package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Finds out whether questions that this server block sends on come back to it, and stops sending them then.
package final class LoopPlugin: Plugin {
    package static let directive = "loop"

    private let block: BlockSettings
    private let detections: Counter
    private let probe = Mutex(Probe())
    private let probing = Atomic<Bool>(false)
    private let task = Mutex<Task<Void, Never>?>(nil)

    private struct Probe {
        /// The folded name asked for last.
        var name: Name?
        var sightings = 0
        var senders: [any QuestionSender] = []
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        try SettingsCheck.gather { $0.expectNameOnly(directives) }
        self.block = block
        detections = block.metrics.counter(
            "coredns_loop_detected_total", "Counter of forwarding loops found.", [("server", block.serverLabel)])
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { LoopHandler(self) }

    package func start(_ environment: any PluginEnvironment) async {
        let senders = environment.plugins.compactMap { $0 as? any QuestionSender }.filter { $0.belongs(to: block) }
        probe.withLock { $0.senders = senders }
        // The probe is a datagram; what comes encrypted only cannot be asked so.
        guard block.listensPlainly else { return }
        let prober = LoopProber(plugin: self, zone: block.zones.first ?? .root, address: block.addresses.first)
        task.withLock { task in
            task = Task { await prober.run() }
        }
    }

    package func stop() async {
        task.withLock { $0?.cancel() }
        endProbing()
    }

    /// Makes `name` the one whose return means a loop.
    func expect(_ name: Name) {
        probe.withLock { probe in
            probe.name = name
            probe.sightings = 0
        }
        probing.store(true, ordering: .releasing)
    }

    /// True once the probe came by here: before that a response is one of the configuration being replaced.
    var wasSeen: Bool { probe.withLock { $0.sightings > 0 } }

    func endProbing() { probing.store(false, ordering: .releasing) }

    /// False at nearly all times, so that queries need not look further.
    var isProbing: Bool { probing.load(ordering: .relaxed) }

    /// True when the question is our probe for the second time.
    ///
    /// - Parameter name: folded wire form.
    func isLooping(_ name: ByteView) -> Bool {
        let (returned, senders, probeName) = probe.withLock { probe -> (Bool, [any QuestionSender], Name?) in
            guard let expected = probe.name, withBytes(expected.wire, { $0.equals(name) }) else {
                return (false, [], nil)
            }
            probe.sightings += 1
            // Our own prober sent it once; the forwarder may send it again for each try, so it is reported once.
            guard probe.sightings == 2 else { return (probe.sightings > 1, [], nil) }
            return (true, probe.senders, expected)
        }
        if let probeName { report(probeName, senders) }
        return returned
    }

    private func report(_ name: Name, _ senders: [any QuestionSender]) {
        detections.add()
        let upstreams = senders.flatMap { $0.stopSending(name) }
        let target = upstreams.isEmpty ? "an upstream" : upstreams.joined(separator: ", ")
        let zone = block.zones.first ?? .root
        Log.error(
            "plugin/loop: questions for zone \(zone) sent to \(target) come back to \(block.serverLabel). They are "
                + "answered with SERVFAIL from now on. Forward to a server that does not ask this one, for example by "
                + "naming it instead of /etc/resolv.conf, then reload")
    }
}

/// Looks for the probe among the queries of one loop.
final class LoopHandler: Handler {
    private let plugin: LoopPlugin

    init(_ plugin: LoopPlugin) { self.plugin = plugin }

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard exchange.question.type == .hinfo, plugin.isProbing, plugin.isLooping(exchange.question.folded) else {
            return .next
        }
        return .failed(.serverFailure, .networkError, because: "forwarding loop")
    }
}
