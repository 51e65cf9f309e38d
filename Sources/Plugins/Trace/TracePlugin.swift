package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Tells a collector of traces how long queries took.
package final class TracePlugin: Plugin {
    package static let directive = "trace"

    private let sampling: TraceSampling
    private let settings: TraceSettings
    /// Spans that wait at a reload are sent by the next configuration, unless its settings are others.
    let sending: LastingWork<TraceSender>

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        guard let directive = check.only(directives) else { throw ConfigurationErrors(check.errors) }
        settings = TraceSettings(directive, &check)
        try check.finish()
        sampling = TraceSampling(every: UInt64(settings.every))
        let sender = TraceSender(
            settings,
            block.metrics.counter(
                "coredns_trace_dropped_spans_total", "Counter of spans dropped because no collector took them."))
        sending = LastingWork(sender) { $0.end() }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        TraceHandler(sampling, sending.work, on: server)
    }

    package func adopt(_ predecessor: any Plugin) {
        guard let predecessor = predecessor as? TracePlugin, predecessor.settings == settings else { return }
        sending.adopt(predecessor.sending)
    }

    package func start(_ environment: any PluginEnvironment) async { sending.work.begin() }

    package func stop() async {
        sending.release()
        await sending.work.ended()
    }
}

extension TracePlugin: MetadataProvider {
    package func makeMetadataReader(on server: LoopServer) -> (any MetadataReader)? { TraceLabels(sampling) }
}

/// Which queries are traced, and by what ids: a query's own properties decide, so that everybody who asks hears the same.
struct TraceSampling: Sendable {
    let every: UInt64
    private let seeds = (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))

    init(every: UInt64) { self.every = every }

    /// The trace and span of a query; nil for one that is not traced.
    func ids(of exchange: borrowing Exchange) -> (trace: (UInt64, UInt64), span: UInt64)? {
        guard every > 0 else { return nil }
        var hasher = Hasher()
        hasher.combine(exchange.received)
        hasher.combine(exchange.asked.id)
        hasher.combine(exchange.client)
        let mark = UInt64(bitPattern: Int64(hasher.finalize()))
        guard mark % every == 0 else { return nil }
        return ((Self.mixed(mark ^ seeds.0), Self.mixed(mark &+ seeds.1)), Self.mixed(mark ^ seeds.2) | 1)
    }

    /// Spreads every bit over all (SplitMix64).
    private static func mixed(_ number: UInt64) -> UInt64 {
        var value = number &+ 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// `trace/traceid`, by which a line of the log is found again.
final class TraceLabels: MetadataReader {
    private let sampling: TraceSampling

    init(_ sampling: TraceSampling) { self.sampling = sampling }

    func value(_ label: String, of exchange: borrowing Exchange) -> String? {
        guard label == "trace/traceid" else { return nil }
        return sampling.ids(of: exchange).map { TraceSpan.text($0.trace) }
    }
}

/// Makes spans on one loop, once a response is complete.
final class TraceHandler: Handler {
    private let sampling: TraceSampling
    private let sender: TraceSender
    private unowned let server: LoopServer

    init(_ sampling: TraceSampling, _ sender: TraceSender, on server: LoopServer) {
        self.sampling = sampling
        self.sender = sender
        self.server = server
    }

    func answer(_ exchange: inout Exchange) -> Verdict { .next }

    func finish(_ exchange: inout Exchange) {
        guard let ids = sampling.ids(of: exchange) else { return }
        let taken = server.loop.now &- exchange.received
        let code = exchange.response.code
        sender.add(
            TraceSpan(
                trace: ids.trace, id: ids.span, start: WallClock.nanoseconds &- taken, taken: taken,
                tags: [
                    ("coredns.io/name", exchange.asked.name.nameText),
                    ("coredns.io/type", "\(exchange.asked.type)"), ("coredns.io/rcode", "\(code)"),
                    ("coredns.io/proto", exchange.transport.text),
                    ("coredns.io/remote", "\(exchange.client.address)"),
                    ("coredns.io/plugin", exchange.answeredBy),
                ], isFailure: exchange.failure != nil))
    }
}
