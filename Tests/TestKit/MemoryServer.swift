package import ClusterModel
import Corefile
package import DNSServer
package import DNSWire
package import EventLoop
import Synchronization
package import Telemetry

/// A server in memory, on a clock that the test sets: no time passes unless the test says so.
///
/// It is asked without sockets of its own. Its upstreams are on its loop, too, so that everything happens on the
/// test's thread, in an order that does not depend on the machine.
package final class MemoryServer {
    package let plan: ServingPlan
    package let metrics = MetricRegistry()
    /// Ample until the test says otherwise.
    package let memory: MemoryBudget
    /// In the order of the scripts.
    package let upstreams: [ScriptedUpstream]
    /// Nil where no block says `kubernetes`.
    package let cluster: FollowedTestCluster?
    private let server: LoopServer
    private let loop: EventLoop
    private let clock: SetClock
    private var nextID: UInt16 = 0
    /// Questions without an answer.
    private var waiting: [Asked] = []

    /// Where its blocks answer.
    package static let address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53)

    private final class SetClock {
        var now: UInt64 = 1_000_000_000_000
    }

    /// - Parameters:
    ///   - directives: the lines of one block for the root zone; `@UPSTREAM@` stands for the first upstream's address,
    ///     `@UPSTREAM2@` for the second's.
    ///   - objects: the cluster that `kubernetes` follows; nil for one that was not listed yet.
    ///   - tcp: whether the upstreams take connections.
    package convenience init(
        _ directives: String, _ objects: [ClusterObject]? = [], files: [String: String] = [:], tcp: Bool = true,
        upstreams scripts: [ScriptedUpstream.Script]
    ) throws {
        try self.init(objects, scripts, tcp: tcp) { upstreams, metrics in
            try TestPlan.block(Self.named(upstreams, in: directives), at: Self.address, metrics, files)
        }
    }

    /// As above, with one upstream, or none.
    package convenience init(
        _ directives: String, _ objects: [ClusterObject]? = [], files: [String: String] = [:], tcp: Bool = true,
        upstream: ScriptedUpstream.Script? = nil
    ) throws {
        try self.init(directives, objects, files: files, tcp: tcp, upstreams: [upstream].compactMap(\.self))
    }

    /// - Parameters:
    ///   - corefile: whole server blocks, which bind 127.0.0.1 and answer at port 53.
    ///   - hostAddresses: where clients find the server, as far as plugins know.
    package convenience init(
        corefile: String, _ objects: [ClusterObject]? = [], files: [String: String] = [:],
        hostAddresses: [IPAddress] = TestPlan.hostAddresses, upstreams: [ScriptedUpstream.Script] = []
    ) throws {
        try self.init(objects, upstreams, hostAddresses: hostAddresses) { upstreams, metrics in
            let files = files.mapValues { Self.named(upstreams, in: $0) }
            return try TestPlan.plan(
                Self.named(upstreams, in: corefile), metrics, files, hostAddresses: hostAddresses)
        }
    }

    /// A server of scripts instead of plugins.
    ///
    /// - Parameters:
    ///   - waiting: where scripts leave queries that wait.
    ///   - places: how many queries may wait at once.
    package convenience init(
        blocks: [ScriptedBlock], waiting: Waiting = Waiting(), places: Int = 64, limits: StreamLimits = StreamLimits()
    ) throws {
        try self.init(nil, [], places: places, limits: limits) { _, _ in ServingPlan(blocks) }
        waiting.chain = server.chain
    }

    /// As above, of one block for the root zone.
    package convenience init(_ scripts: Script..., waiting: Waiting = Waiting(), places: Int = 64) throws {
        try self.init(blocks: [ScriptedBlock(".", scripts: scripts)], waiting: waiting, places: places)
    }

    private init(
        _ objects: [ClusterObject]?, _ scripts: [ScriptedUpstream.Script], tcp: Bool = true,
        hostAddresses: [IPAddress] = TestPlan.hostAddresses, places: Int = 2048,
        limits: StreamLimits = StreamLimits(), _ plan: ([ScriptedUpstream], MetricRegistry) throws -> ServingPlan
    ) throws {
        let clock = SetClock()
        let loop = try EventLoop(index: 0) { clock.now }
        (self.clock, self.loop) = (clock, loop)
        memory = MemoryBudget(metrics)
        upstreams = try scripts.map { try ScriptedUpstream.make(on: loop, tcp: tcp, $0) }
        self.plan = try plan(upstreams, metrics)
        cluster = try? FollowedTestCluster(for: self.plan, metrics, hostAddresses)
        if let objects { cluster?.list(objects) }
        server = LoopServer(
            loop: loop, counters: ServerCounters(metrics), streamLimits: limits, parkingCapacity: places,
            memory: memory)
        loop.resident = server
        server.activate(self.plan)
    }

    deinit {
        // What waits for the network would keep its sockets, and the loop.
        loop.resident = nil
        loop.stop()
        loop.run()
    }

    private static func named(_ upstreams: [ScriptedUpstream], in text: String) -> String {
        upstreams.enumerated().reduce(text) { text, upstream in
            text.replacing(
                upstream.offset == 0 ? "@UPSTREAM@" : "@UPSTREAM\(upstream.offset + 1)@",
                with: "\(upstream.element.address)")
        }
    }

    /// What its first upstream was asked.
    package var queries: [ReceivedQuery] { upstreams.first?.queries ?? [] }
    /// Why queries failed, in the words the `errors` plugin would log.
    package var failures: [String] { plan.failures }

    /// Goes over to another plan, as a reload does.
    package func activate(_ plan: ServingPlan) {
        server.activate(plan)
        settle()
    }

    /// Serves `blocks` from now on, as after a reload.
    package func replace(by blocks: [ScriptedBlock]) { server.activate(ServingPlan(blocks)) }

    /// How the server runs handlers; for scripts that ask in the background.
    package var chain: Chain { server.chain }

    /// True when one more answer of several messages may begin.
    package var mayStream: Bool { server.mayStream }

    // MARK: Time

    /// Nanoseconds of the clock.
    package var now: UInt64 { clock.now }

    /// Lets time pass: timers go off one after the other, each at its time.
    package func advance(_ duration: Duration) {
        let end = clock.now + UInt64(duration / .nanoseconds(1))
        settle()
        for _ in 0..<Self.mostTurns {
            guard let next = loop.nextDeadline, next <= end else { break }
            clock.now = max(clock.now, next)
            settle()
        }
        clock.now = end
        settle()
    }

    /// Lets everything happen that needs no time.
    package func settle() {
        var wasQuiet = false
        for _ in 0..<Self.mostTurns {
            guard !loop.turn(longestWait: 0) else {
                wasQuiet = false
                continue
            }
            if wasQuiet || upstreams.isEmpty { return }
            // What is on its way over loopback may need a moment in a busy kernel.
            if isWaiting { barrier?.pass() }
            wasQuiet = true
        }
    }

    private lazy var barrier = try? LoopbackBarrier()

    private var isWaiting: Bool {
        waiting.removeAll { $0.octets != nil }
        return !waiting.isEmpty
    }

    /// Lets the upstreams send what they held back.
    package func release() {
        for upstream in upstreams { upstream.release() }
        settle()
    }

    /// Far more than any test needs: what does not come to rest must not hold it.
    private static let mostTurns = 100_000

    // MARK: Asking

    /// A question that was asked, and what has become of it.
    package final class Asked: Sendable {
        fileprivate let outcome = Mutex<TransportAnswer?>(nil)

        /// What became of it; nil while it waits.
        package var answer: TransportAnswer? { outcome.withLock { $0 } }

        /// The response, or the first message of it; nil while there is none.
        package var octets: [UInt8]? {
            switch answer {
            case .response(let octets), .begun(let octets, _): octets
            case .invalid, .silent, nil: nil
            }
        }

        /// The further messages of the response; nil where it has none.
        package var stream: TransportStream? {
            guard case .begun(_, let stream) = answer else { return nil }
            return stream
        }

        /// As `WireText` shows it, or `silence`.
        package var text: String { octets.map(WireText.text) ?? "silence" }
    }

    /// Asks, and lets everything happen that needs no time.
    ///
    /// - Parameter takesStreams: true for a client that takes answers of several messages.
    package func begin(
        _ query: [UInt8], over transport: DNSServer.Transport = .udp, from client: String = "127.0.0.1",
        port: UInt16 = 40_000, takesStreams: Bool = false
    ) -> Asked {
        let asked = Asked()
        let address = SocketAddress(IPAddress(client) ?? IPAddress(v4: 0x7F00_0001), port: port)
        let place = SecureEndpoint.Place(scheme: .dns, address: Self.address)
        server.answer(
            TransportQuery(
                message: query, client: address, place: place, transport: transport, takesStreams: takesStreams
            ) { answer in asked.outcome.withLock { $0 = answer } })
        waiting.append(asked)
        settle()
        waiting.removeAll { $0.octets != nil }
        return asked
    }

    /// As `ask`, for an answer that may need time.
    package func begin(
        _ question: String, over transport: DNSServer.Transport = .udp, recursionDesired: Bool = true,
        checkingDisabled: Bool = false, dnssecOK: Bool? = nil, from client: String = "127.0.0.1"
    ) -> Asked {
        nextID &+= 1
        let query = WireText.query(
            question, id: nextID, recursionDesired: recursionDesired, checkingDisabled: checkingDisabled,
            dnssecOK: dnssecOK)
        return begin(query, over: transport, from: client)
    }

    /// The response as `WireText` shows it, or `silence`.
    package func ask(
        _ question: String, over transport: DNSServer.Transport = .udp, recursionDesired: Bool = true,
        checkingDisabled: Bool = false, dnssecOK: Bool? = nil, from client: String = "127.0.0.1"
    ) -> String {
        begin(
            question, over: transport, recursionDesired: recursionDesired, checkingDisabled: checkingDisabled,
            dnssecOK: dnssecOK, from: client
        ).text
    }

    /// The value of a metric line that begins with `prefix`; nil when there is none.
    package func metric(_ prefix: String) -> String? {
        metrics.text.split(separator: "\n").first { $0.hasPrefix(prefix) }
            .flatMap { $0.split(separator: " ").last }.map(String.init)
    }
}
