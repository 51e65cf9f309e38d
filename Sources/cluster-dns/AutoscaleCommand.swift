import ArgumentParser
import Autoscaler
import DNSServer
import DNSWire
import EventLoop
import Flags
import Glibc
import KubernetesAPI
import Telemetry
import UnixSignals

/// `cluster-dns autoscale`: its flags are Go's, so the arguments pass ArgumentParser unread (see `AutoscaleFlags`).
struct AutoscaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autoscale", abstract: "Scales DNS servers with the nodes and cores of their cluster.",
        discussion: "Takes cluster-proportional-autoscaler's flags; `cluster-dns autoscale --help` lists all.",
        helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() async throws {
        var flags = FlagParser(AutoscaleFlags.all)
        do throws(ParameterError) {
            try flags.parse(arguments)
        } catch {
            Standard.error("\(error)")
            // As Go's flag packages.
            throw ExitCode(2)
        }
        do {
            if try flags.flag("help") { return Standard.output(AutoscaleFlags.help) }
            if try flags.flag("version") { return Standard.output("cluster-dns-\(ClusterDNS.version)") }
            if try flags.flag("explain") { return Standard.output(try Explanation(flags).text) }
            if let file = flags.text("simulate") {
                return try LabCommand.start(["simulate", file])
            }
            let settings = try AutoscaleSettings(flags, podNamespace: System.environment("MY_POD_NAMESPACE"))
            try await run(settings)
        } catch let error as ExitCode {
            throw error
        } catch {
            Standard.error("\(error)")
            throw ExitCode(1)
        }
    }

    private func run(_ settings: AutoscaleSettings) async throws {
        System.ignoreDeadlySignals()
        Heap.keepSmall()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let metrics = MetricRegistry()
        let writer = LogWriter(metrics)
        try writer.install()
        Log.showDebug(settings.verbosity >= 4)
        ProcessMetrics.register(metrics)
        let endpoint =
            try settings.kubeconfig.map { path throws(CredentialsError) in
                try Kubeconfig.endpoint(path: path, context: settings.context)
            } ?? InCluster.endpointOfThisProcess()
        let service = AutoscaleService(
            settings, endpoint: endpoint, identity: settings.election?.identity ?? Self.identity, metrics: metrics,
            clock: { WallClock.secondsSince1970 }, afterList: { Heap.giveBack() })
        let pages = StatusServer()
        if let http = settings.http { try await pages.serve(try Self.pages(service.status, metrics, http)) }
        let targets = settings.targets.map(\.description).joined(separator: ", ")
        Log.info("autoscaler: namespace \(settings.namespace), target \(targets), API server \(endpoint.url)")
        let failed = await Self.run(service, until: signals)
        await pages.stop()
        System.end(failed ? 1 : 0, writer)
    }

    /// Runs the service until a signal ends it; true when it gave up.
    private static func run(_ service: AutoscaleService, until signals: UnixSignalsSequence) async -> Bool {
        let work = Task { () -> Bool in
            do throws(CredentialsError) {
                return try await service.run()
            } catch {
                Log.error("autoscaler: \(error)")
                return true
            }
        }
        let stopping = Task {
            for await _ in signals {
                // A second request means at once.
                guard !work.isCancelled else { _exit(2) }
                work.cancel()
            }
        }
        let failed = await work.value
        stopping.cancel()
        return failed && !work.isCancelled
    }

    /// Host name, which is the pod's, and a number that no other process has.
    private static var identity: String {
        let host = HostName.current
        return (host.isEmpty ? "cluster-dns" : host) + "_"
            + String(UInt64.random(in: 0 ... .max), radix: 16)
    }

    private static func pages(
        _ status: AutoscalerStatus, _ metrics: MetricRegistry, _ http: (address: String, port: UInt16)
    ) throws -> [StatusPage] {
        let wildcard = System.supportsIPv6 ? IPAddress(v6High: 0, low: 0) : IPAddress(v4: 0)
        guard let host = http.address.isEmpty ? wildcard : IPAddress(http.address) else {
            throw ParameterError(
                at: "--http-address", found: "\"\(http.address)\"", expected: "an IP address, or none for all")
        }
        let address = SocketAddress(host, port: http.port)
        func page(_ path: String, _ respond: @escaping @Sendable () -> StatusReply) -> StatusPage {
            StatusPage(address: address, path: path, respond: respond)
        }
        return [
            page("/healthz") {
                status.isHealthy(at: .now)
                    ? StatusReply(status: 200, body: "") : StatusReply(status: 500, body: "the lease is not renewed\n")
            },
            page("/readyz") {
                status.isReady
                    ? StatusReply(status: 200, body: "OK\n")
                    : StatusReply(status: 503, body: (status.lastError ?? "no poll has ended yet") + "\n")
            },
            page("/last-poll") {
                status.lastError.map { StatusReply(status: 500, body: $0 + "\n") } ?? StatusReply(status: 200, body: "")
            },
            page("/metrics") {
                StatusReply(status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: metrics.text)
            },
        ]
    }
}
