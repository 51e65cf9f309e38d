import ArgumentParser
import Corefile
import DNSServer
import EventLoop
import Glibc
import Plugins
import SecureTransport
import Telemetry
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves DNS by a Corefile (the default command).",
        discussion: """
            SIGUSR1 reads the Corefile again; when it is not sound, the old one serves on.
            SIGTERM and SIGINT withdraw readiness, serve for the lameduck time, answer all that was received, and end.
            """)

    @Option(
        name: .customLong("conf", withSingleDash: true),
        help: "Corefile to read; \"stdin\" reads standard input. Default: Corefile in the working directory.")
    var conf: String?

    @Option(
        name: [.customLong("dns.port", withSingleDash: true), .customShort("p")],
        help: "Port of server blocks that name none.")
    var port: UInt16 = 53

    @Option(name: .customLong("pidfile", withSingleDash: true), help: "File to write the process id to.")
    var pidfile: String?

    @Option(
        help: ArgumentHelp(
            "Resident memory to stay within: a number of bytes, 170Mi, 128M; auto; none.",
            discussion: """
                auto is 90 % of the container's limit, and none where it has none. As memory nears the budget, caches
                shrink, then questions to upstreams are shed; names of the cluster are always answered.
                """, valueName: "bytes|auto|none"))
    var memoryBudget = MemoryBudgetOption.automatic

    @Flag(name: .customLong("plugins", withSingleDash: true), help: "Lists the plugins and ends.")
    var listsPlugins = false

    @Flag(name: .customLong("quiet", withSingleDash: true), help: "Prints neither zones nor version at start.")
    var quiet = false

    @Flag(name: .customLong("version", withSingleDash: true), help: "Prints the version and ends.")
    var showsVersion = false

    func run() async throws {
        if showsVersion { return Standard.output("cluster-dns-\(ClusterDNS.version)") }
        if listsPlugins {
            return Standard.output(
                "Server types:\n  dns\n\nPlugins:\n"
                    + pluginOrder.map { "  dns.\($0.directive)" }
                    .sorted().joined(separator: "\n"))
        }
        System.ignoreDeadlySignals()
        DescriptorReserve.raiseLimit()
        Heap.keepSmall()
        let metrics = MetricRegistry()
        let writer = LogWriter(metrics)
        do {
            try writer.install()
        } catch {
            Standard.error("\(error)")
            throw ExitCode(1)
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
            let source = CorefileSource(path: conf)
            let memory = try memoryBudget.keep(metrics)
            let loops = try LoopGroup(count: LoopCount.recommended, metrics: metrics, memory: memory)
            server = Server(
                loops: loops, builder: .standard(metrics: metrics, defaultPort: port),
                source: ConfigurationSource { isReload throws(ConfigurationErrors) in
                    try source.read(isReload: isReload)
                },
                status: StatusServer(), secure: SecureListener(inbox: loops.inbox, metrics: metrics))
        } catch {
            Standard.error("\(error)")
            return 1
        }
        return await run(server, until: signals)
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
        func stop() {
            Task {
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
                if isStopping { stop() } else if reloadIsWanted { Task { await server.reload() } }
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
