import AllocationCounter
import ClusterModel
import ClusterSource
import Corefile
import DNSServer
import DNSWire
import Dispatch
import EventLoop
import Glibc
import Snapshots
import Synchronization
import Telemetry
import Testing

@testable import Plugins

/// A server on one loop whose thread's allocations and system calls are counted.
///
/// The loop is held still while questions are sent: how many it finds in its socket is not a matter of luck then.
final class CountedServer: Sendable {
    let address: SocketAddress
    private let handle: LoopHandle
    private let client: Mutex<Client>

    /// - Parameters:
    ///   - directives: the lines of one block for the root zone.
    ///   - zone: the text of every file.
    ///   - isStale: the cluster was last heard of longer ago than `stale_after` allows.
    init(
        _ directives: String, zone: String = "", cluster: [ClusterObject] = [], isStale: Bool = false
    ) throws {
        // Nobody else uses this address: servers share ports (SO_REUSEPORT), so a free one might not stay so.
        address = SocketAddress(
            IPAddress(v4: 0x7F40_0000 | .random(in: 1..<0x40_0000)), port: .random(in: 1024...32_000))
        let metrics = MetricRegistry()
        let plan = try Self.plan(directives, zone, at: address, metrics)
        for case let plugin as KubernetesPlugin in plan.plugins {
            let following = Self.list(cluster, to: plugin, metrics)
            guard isStale else { continue }
            following.state.age.heard(.service, at: .now - .seconds(100_000))
            following.state.age.review(at: .now)
        }
        handle = try Self.start(plan, metrics)
        client = Mutex(try Client(address))
    }

    deinit { handle.submit { $0.stop() } }

    private static func plan(
        _ directives: String, _ zone: String, at address: SocketAddress, _ metrics: MetricRegistry
    ) throws -> ServingPlan {
        let host = "\(address)".prefix { $0 != ":" }
        let blocks = try CorefileSyntax.parse(
            text: ".:\(address.port) {\nbind \(host)\n\(directives)\n}\n", file: "Corefile",
            sources: CorefileSyntax.Sources(read: { _ in "" }, glob: { _ in [] }, environment: { _ in nil }))
        return try PlanBuilder(order: pluginOrder, metrics: metrics, files: FileAccess { _ in zone }).build(
            blocks, hash: "")
    }

    private static func list(
        _ objects: [ClusterObject], to plugin: KubernetesPlugin, _ metrics: MetricRegistry
    ) -> ClusterFollowing {
        let following = ClusterFollowing(
            plugin.settings.cluster, startupTimeout: .seconds(5), metrics: metrics, localAddresses: [])
        let index = ClusterIndex(options: plugin.settings.cluster.model, seed: 42)
        index.apply(objects.map(ObjectChange.stored), now: 1_700_000_000)
        following.published.publish(index.makeSnapshot())
        following.state.markSynced()
        plugin.following.withLock { $0 = following }
        return following
    }

    private static func start(_ plan: ServingPlan, _ metrics: MetricRegistry) throws -> LoopHandle {
        let started = Started()
        try LoopThread.run {
            started.finish(
                Result { () throws(SystemError) in
                    let loop = try EventLoop(index: 0)
                    let server = LoopServer(
                        loop: loop, counters: ServerCounters(metrics), streamLimits: StreamLimits())
                    try server.prepare(plan)
                    server.activate(plan)
                    loop.resident = server
                    return loop
                })
        }
        return try started.wait()
    }

    /// Hands the loop's handle out of its thread, then runs the loop.
    private final class Started: Sendable {
        private let result = Mutex<Result<LoopHandle, SystemError>?>(nil)
        private let bell = DispatchSemaphore(value: 0)

        func finish(_ made: Result<EventLoop, SystemError>) {
            result.withLock { $0 = made.map(\.handle) }
            bell.signal()
            guard case .success(let loop) = made else { return }
            loop.run()
            loop.resident = nil
        }

        func wait() throws -> LoopHandle {
            bell.wait()
            guard let result = result.withLock({ $0 }) else { throw SystemError(call: "start", code: 0) }
            return try result.get()
        }
    }

    // MARK: Counting

    struct Counts: Equatable {
        var allocations: Int
        var recvmmsg: Int
        var sendmmsg: Int
        var epollWait: Int

        /// The most allocations, and the least of each call.
        func joined(_ other: Counts) -> Counts {
            Counts(
                allocations: max(allocations, other.allocations), recvmmsg: min(recvmmsg, other.recvmmsg),
                sendmmsg: min(sendmmsg, other.sendmmsg), epollWait: min(epollWait, other.epollWait))
        }

        static func - (left: Counts, right: Counts) -> Counts {
            Counts(
                allocations: left.allocations - right.allocations, recvmmsg: left.recvmmsg - right.recvmmsg,
                sendmmsg: left.sendmmsg - right.sendmmsg, epollWait: left.epollWait - right.epollWait)
        }
    }

    /// What `bursts` times `burst` answers to `query` cost the loop's thread, one wait for each time it is held included.
    func cost(of query: [UInt8], bursts: Int, burst: Int) throws -> Counts {
        try cost(bursts: bursts, burst: burst) { _ in query }
    }

    /// As above, for queries that differ.
    ///
    /// - Parameter query: the query of a number, which is another each time.
    func cost(bursts: Int, burst: Int, query: (Int) -> [UInt8]) throws -> Counts {
        let all = (0..<(4 + 3 * bursts)).map { number in
            (number * burst..<(number + 1) * burst).map(query)
        }
        return try client.withLock { client in
            // Whatever is made once is made now.
            for queries in all[..<4] { try run(queries, &client) }
            // A job that is taken before its bell is heard costs a wait more, and which count that falls into is a matter
            // of luck: of calls the least of three counts holds, of allocations the most.
            let taken = try (0..<3).map { count in
                try counts {
                    for queries in all[(4 + count * bursts)...].prefix(bursts) { try run(queries, &client) }
                }
            }
            return taken.dropFirst().reduce(taken[0]) { $0.joined($1) }
        }
    }

    /// Waits until the turn of the loop in which it last answered is over.
    func settle() {
        // The first job may run in that turn; the second is submitted after it and runs in a later one.
        for _ in 0..<2 { _ = counts() }
    }

    /// One answer.
    func ask(_ query: [UInt8]) throws -> [UInt8] {
        try client.withLock { client in
            try client.send(query)
            return try client.receive()
        }
    }

    private func run(_ queries: [[UInt8]], _ client: inout Client) throws {
        let (isHeld, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        handle.submit { _ in
            isHeld.signal()
            mayGo.wait()
        }
        isHeld.wait()
        // Twice at most, and nobody waits the second time: a failure to send must not leave the loop held.
        defer { mayGo.signal() }
        for query in queries { try client.send(query) }
        mayGo.signal()
        for _ in queries { _ = try client.receive() }
    }

    private func counts(of body: () throws -> Void) throws -> Counts {
        let before = counts()
        try body()
        return counts() - before
    }

    private func counts() -> Counts {
        let bell = DispatchSemaphore(value: 0)
        let read = CountReading()
        handle.submit { _ in
            read.take()
            bell.signal()
        }
        bell.wait()
        return read.value
    }

    private final class CountReading: Sendable {
        private let counts = Mutex(ac_counts())

        func take() {
            let now = ac_counts_of_this_thread()
            counts.withLock { $0 = now }
        }

        var value: Counts {
            let counts = counts.withLock { $0 }
            return Counts(
                allocations: Int(counts.allocations), recvmmsg: Int(counts.recvmmsg), sendmmsg: Int(counts.sendmmsg),
                epollWait: Int(counts.epoll_wait))
        }
    }
}

/// One socket that asks and waits.
private struct Client: ~Copyable {
    private let socket: ConnectedDatagramSocket
    private let room = ByteBlock(capacity: 4096)

    init(_ address: SocketAddress) throws { socket = try ConnectedDatagramSocket(connectedTo: address) }

    func send(_ query: [UInt8]) throws {
        guard withBytes(query, { socket.send($0) }) else { throw SystemError(call: "send", code: errno) }
    }

    /// The next response; no test decides by how long that takes.
    mutating func receive() throws -> [UInt8] {
        while true {
            var refused = false
            if let count = socket.receive(into: room.bytes, refused: &refused) {
                return room.bytes.view(count).array
            }
            var waiting = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&waiting, 1, 15_000) == 1 else { throw SystemError(call: "no response", code: ETIMEDOUT) }
        }
    }
}
