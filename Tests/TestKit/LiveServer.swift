package import DNSServer
import DNSWire
package import EventLoop
import Plugins
import Synchronization
package import Telemetry

/// A server on loops of its own, with the plugins of these tests, asked over loopback.
package final class LiveServer: Sendable {
    package let address: SocketAddress
    package let metrics: MetricRegistry
    package let plan: ServingPlan
    private let loops: LoopGroup
    private let nextID = Atomic<UInt16>(1)

    /// - Parameters:
    ///   - directives: the lines of one block for the root zone.
    ///   - provide: gives plugins what they would get once they are started, which they are not.
    package init(
        _ directives: String, address: SocketAddress? = nil, files: [String: String] = [:],
        streamLimits: StreamLimits = StreamLimits(), loops count: Int = 1,
        provide: (ServingPlan, MetricRegistry) throws -> Void = { _, _ in }
    ) async throws {
        self.address = address ?? TestPorts.next()
        metrics = MetricRegistry()
        plan = try TestPlan.block(directives, at: self.address, metrics, files)
        try provide(plan, metrics)
        loops = try LoopGroup(count: count, metrics: metrics, streamLimits: streamLimits)
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

    // MARK: Asking

    /// The response as `WireText` shows it, or `silence`.
    package func ask(
        _ question: String, over transport: DNSServer.Transport = .udp, recursionDesired: Bool = true,
        checkingDisabled: Bool = false, dnssecOK: Bool? = nil
    ) async -> String {
        let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
        let query = WireText.query(
            question, id: id, recursionDesired: recursionDesired, checkingDisabled: checkingDisabled,
            dnssecOK: dnssecOK)
        guard let response = await exchange(query, over: transport) else { return "silence" }
        return WireText.text(response)
    }

    package func exchange(_ query: [UInt8], over transport: Transport) async -> [UInt8]? {
        transport == .udp ? await datagram(query) : await stream(query)
    }

    /// Longer than any question may take, and than tests that only compute may keep others from looking: it decides
    /// nothing.
    package static let patience = Duration.seconds(180)

    /// Waits until `condition` holds, up to the time after which a test has failed whatever comes; false then.
    @discardableResult
    package static func eventually(_ condition: () -> Bool) async -> Bool {
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end {
            if condition() { return true }
            try? await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

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
    package func metric(_ prefix: String) -> String? {
        metrics.text.split(separator: "\n").first { $0.hasPrefix(prefix) }
            .flatMap { $0.split(separator: " ").last }.map(String.init)
    }
}

extension LiveServer {
    /// Why queries failed, in the words the `errors` plugin would log.
    package var failures: [String] { plan.failures }
}
