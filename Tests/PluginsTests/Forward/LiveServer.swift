import Corefile
import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

@testable import Plugins

/// A server on one loop of its own, with the plugins of these tests, asked over loopback.
final class LiveServer: Sendable {
    let address: SocketAddress
    let metrics: MetricRegistry
    let plan: ServingPlan
    private let loops: LoopGroup
    private let nextID = Atomic<UInt16>(1)

    static let order: [any Plugin.Type] = [
        MetadataPlugin.self, ReadyPlugin.self, PrometheusPlugin.self, LogPlugin.self, DNS64Plugin.self,
        LoadBalancePlugin.self, RewritePlugin.self, AutoPathPlugin.self, AccessPlugin.self,
        TemplatePlugin.self, TransferPlugin.self, HostsPlugin.self, ExternalPlugin.self, KubernetesPlugin.self, CachePlugin.self,
        LoopPlugin.self, ForwardPlugin.self, ViewPlugin.self,
    ]
    /// Where clients find this server, as far as plugins know.
    static let hostAddresses = [IPAddress(v4: 0xC000_0235)]

    /// - Parameters:
    ///   - directives: the lines of one block for the root zone.
    ///   - provide: gives plugins what they would get once they are started, which they are not.
    init(
        _ directives: String, address: SocketAddress? = nil, files: [String: String] = [:],
        streamLimits: StreamLimits = StreamLimits(),
        provide: (ServingPlan, MetricRegistry) throws -> Void = { _, _ in }
    ) async throws {
        self.address = address ?? TestPorts.next()
        metrics = MetricRegistry()
        plan = try Self.plan(directives, at: self.address, metrics, files)
        try provide(plan, metrics)
        loops = try LoopGroup(count: 1, metrics: metrics, streamLimits: streamLimits)
        try await loops.prepare(plan)
        await loops.activate(plan)
    }

    deinit {
        let (loops, plan) = (loops, plan)
        Task {
            for plugin in plan.plugins { await plugin.stop() }
            await loops.stop(grace: 0)
        }
    }

    static func plan(
        _ directives: String, at address: SocketAddress, _ metrics: MetricRegistry, _ files: [String: String] = [:]
    ) throws -> ServingPlan {
        let sources = CorefileSyntax.Sources(read: { _ in "" }, glob: { _ in [] }, environment: { _ in nil })
        let blocks = try CorefileSyntax.parse(
            text: ".:\(address.port) {\nbind 127.0.0.1\n\(directives)\n}\n", file: "Corefile", sources: sources)
        let builder = PlanBuilder(
            order: [BindStandIn.self] + order, metrics: metrics, hostAddresses: hostAddresses,
            readFile: { path in
                guard let text = files[path] else { throw NoSuchFile() }
                return text
            })
        return try builder.build(blocks, hash: "")
    }

    struct NoSuchFile: Error, CustomStringConvertible {
        var description: String { "no such file" }
    }

    /// The errors of a block, one a line, positions left out.
    static func errors(_ directives: String, files: [String: String] = [:]) -> String {
        do {
            _ = try plan(directives, at: SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53), MetricRegistry(), files)
            return "no errors"
        } catch let error as ConfigurationErrors {
            return error.errors.map { "\($0.directive): found \($0.found), expected \($0.expected)" }
                .joined(separator: "\n")
        } catch {
            return "\(error)"
        }
    }

    // MARK: Asking

    /// The response as `WireText` shows it, or `silence`.
    func ask(
        _ question: String, over transport: Transport = .udp, recursionDesired: Bool = true,
        checkingDisabled: Bool = false, dnssecOK: Bool? = nil
    ) async -> String {
        let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
        let query = WireText.query(
            question, id: id, recursionDesired: recursionDesired, checkingDisabled: checkingDisabled,
            dnssecOK: dnssecOK)
        guard let response = await exchange(query, over: transport) else { return "silence" }
        return WireText.text(response)
    }

    func exchange(_ query: [UInt8], over transport: Transport) async -> [UInt8]? {
        transport == .udp ? await datagram(query) : await stream(query)
    }

    /// Longer than any question may take, and than tests that only compute may keep others from looking: it decides
    /// nothing.
    private static let patience = Duration.seconds(180)

    private func datagram(_ query: [UInt8]) async -> [UInt8]? {
        guard let socket = try? ConnectedDatagramSocket(connectedTo: address) else { return nil }
        guard withBytes(query, { socket.send($0) }) else { return nil }
        let room = ByteBlock(capacity: 65535)
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            var refused = false
            if let count = socket.receive(into: room.bytes, refused: &refused) { return room.bytes.view(count).array }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return nil
    }

    private func stream(_ query: [UInt8]) async -> [UInt8]? {
        guard let socket = try? StreamSocket(connectingTo: address) else { return nil }
        let framed = [UInt8(query.count >> 8), UInt8(query.count & 0xFF)] + query
        let room = ByteBlock(capacity: 65537)
        var incoming: [UInt8] = []
        var isSent = false
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            if !isSent, case .octets = withBytes(framed, { socket.write($0) }) { isSent = true }
            if case .octets(let count) = socket.read(into: room.bytes) { incoming += room.bytes.view(count).array }
            if incoming.count >= 2, incoming.count >= 2 + Int(incoming[0]) << 8 + Int(incoming[1]) {
                return Array(incoming.dropFirst(2))
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return nil
    }

    /// The value of a metric line that begins with `prefix`; nil when there is none.
    func metric(_ prefix: String) -> String? {
        metrics.text.split(separator: "\n").first { $0.hasPrefix(prefix) }
            .flatMap { $0.split(separator: " ").last }.map(String.init)
    }
}

/// Lets test blocks say `bind`, which the server reads itself, and notes why queries failed.
private final class BindStandIn: Plugin, Sendable {
    static let directive = "bind"
    private let address: SocketAddress?

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        address = block.addresses.first
    }

    func makeHandler(on server: LoopServer) -> (any Handler)? { address.map { FailureNotes($0) } }
}

private final class FailureNotes: Handler {
    static let texts = Mutex<[SocketAddress: [String]]>([:])
    private let address: SocketAddress

    init(_ address: SocketAddress) { self.address = address }

    func answer(_ exchange: inout Exchange) -> Verdict { .next }

    func finish(_ exchange: inout Exchange) {
        guard let failure = exchange.failure else { return }
        Self.texts.withLock { $0[address, default: []].append(failure) }
    }
}

extension LiveServer {
    /// Why queries failed, in the words the `errors` plugin would log.
    var failures: [String] { FailureNotes.texts.withLock { $0[address] ?? [] } }
}
