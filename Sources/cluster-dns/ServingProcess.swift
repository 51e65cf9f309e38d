import Corefile
import DNSServer
import EventLoop
import Glibc
import Plugins
import SecureTransport
import Telemetry
import UnixSignals

/// What a command does beside serving.
protocol ServingCompanion: Sendable {
    /// Before anything listens.
    func prepare(_ metrics: MetricRegistry) async throws

    /// From when queries are answered until it is cancelled.
    func accompany(_ server: Server) async

    /// When the last query is answered.
    func end() async
}

/// The life of a process that serves DNS: it starts, acts on signals, and ends.
struct ServingProcess {
    let port: UInt16
    let pidfile: String?
    let memoryBudget: MemoryBudgetOption
    let quiet: Bool
    let source: @Sendable (MetricRegistry) -> ConfigurationSource
    var companion: (any ServingCompanion)?

    func run() async throws -> Never {
        System.ignoreDeadlySignals()
        DescriptorReserve.raiseLimit()
        Heap.keepSmall()
        let metrics = MetricRegistry()
        let writer = LogWriter(metrics)
        do {
            try writer.install()
        } catch {
            Standard.error("\(error)")
            System.end(1, writer)
        }
        System.end(await serve(metrics), writer)
    }

    /// Runs until a signal ends it; gives the exit code.
    private func serve(_ metrics: MetricRegistry) async -> Int32 {
        metrics.reading(
            "coredns_build_info", "A metric with a constant '1' value labeled by version.",
            [("version", ClusterDNS.version), ("revision", ""), ("goversion", "")]
        ) { 1 }
        // Plugins cannot panic here: what would be one ends the process. Alerts on this name keep their data.
        _ = metrics.counter("coredns_panics_total", "A metrics that counts the number of panics.")
        ProcessMetrics.register(metrics)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sigusr1)
        let server: Server
        do {
            if let pidfile { try System.writeFile(pidfile, "\(getpid())\n") }
            let memory = try memoryBudget.keep(metrics)
            let loops = try LoopGroup(count: LoopCount.recommended, metrics: metrics, memory: memory)
            server = Server(
                loops: loops, builder: .standard(metrics: metrics, defaultPort: port), source: source(metrics),
                status: StatusServer(), secure: SecureListener(inbox: loops.inbox, metrics: metrics))
            try await companion?.prepare(metrics)
        } catch {
            Standard.error("\(error)")
            return 1
        }
        let code = await run(server, until: signals)
        await companion?.end()
        return code
    }

    private enum Event {
        case started(Result<[ServerBlockSyntax], any Error>)
        case signal(UnixSignal)
        case stopped
    }

    /// Starts the server and acts on signals until one ends the process; gives the exit code.
    private func run(_ server: Server, until signals: UnixSignalsSequence) async -> Int32 {
        let (events, source) = AsyncStream<Event>.makeStream()
        Task { for await signal in signals { source.yield(.signal(signal)) } }
        Task {
            do {
                source.yield(.started(.success(try await server.start())))
            } catch {
                source.yield(.started(.failure(error)))
            }
        }
        var company: Task<Void, Never>?
        func stop() {
            company?.cancel()
            Task { [company] in
                await company?.value
                await server.stop()
                source.yield(.stopped)
            }
        }
        var isStarted = false
        var reloadIsWanted = false
        var isStopping = false
        for await event in events {
            switch event {
            case .started(.success(let blocks)):
                isStarted = true
                announce(blocks)
                if isStopping {
                    stop()
                    continue
                }
                if reloadIsWanted { Task { await server.reload() } }
                company = Task { await companion?.accompany(server) }
            case .started(.failure(let error)):
                Standard.error("\(error)")
                return 1
            case .signal(.sigusr1):
                if isStarted { Task { await server.reload() } } else { reloadIsWanted = true }
            case .signal:
                // Until anybody may be answered there is nothing to wait for.
                guard server.answers else { return 0 }
                // A second request means at once.
                guard !isStopping else { return 2 }
                isStopping = true
                if isStarted { stop() }
            case .stopped:
                return 0
            }
        }
        return 0
    }

    /// Says what is served and by what, unless that is not wanted.
    private func announce(_ blocks: [ServerBlockSyntax]) {
        guard !quiet else { return }
        for key in blocks.flatMap(\.keys) {
            let (scheme, usual) =
                key.transport == .dns ? ("", Int(port)) : ("\(key.transport.rawValue)://", key.transport.defaultPort)
            for zone in key.zones { Log.info("serving \(scheme)\(zone):\(key.port ?? usual)") }
        }
        Log.info("cluster-dns-\(ClusterDNS.version), \(LoopCount.recommended) loops")
    }
}
