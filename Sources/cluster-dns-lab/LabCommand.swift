import ArgumentParser
import ClusterLab
import Foundation
import UnixSignals

struct LabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "Runs an embedded Kubernetes cluster: an API server with a small control plane.",
        discussion: """
            Serves the Kubernetes API over HTTPS with a certificate authority and token of its own, writes a kubeconfig
            for them, and prints `ready` when clients may come. Editing a manifest file applies it.

            Deleted pods stop after --pod-shutdown seconds, or after those of their annotation
            cluster-dns/shutdown-seconds; the annotation cluster-dns/ready: "false" makes a pod unready.

            Faults are set with --fault, and while it runs by an administrator: GET, PUT and DELETE /lab/fault, a line
            for each, PUT replacing those that are set.

            \(LabFault.explanation)
            """)

    @Option(name: .customLong("manifests"), help: "File or folder of manifests to apply and follow; may be repeated.")
    var manifests: [String] = []

    @Flag(name: .customLong("as-stored"), help: "The manifests are complete objects as an API server lists them.")
    var asStored = false

    @Option(name: .customLong("generate"), help: "Makes a cluster: nodes=N,services=N,endpoints=N,seed=N.")
    var generate: String?

    @Option(name: .customLong("churn"), help: "Endpoint changes a second.")
    var churn = 0

    @Option(name: .customLong("listen"), help: "Address and port to serve on; port 0 takes a free one.")
    var listen = "127.0.0.1:0"

    @Option(name: .customLong("kubeconfig"), help: "Where to write the kubeconfig.")
    var kubeconfig: String?

    @Option(name: .customLong("state"), help: "Keeps the objects in this file, and starts from it.")
    var state: String?

    @Option(name: .customLong("fault"), help: "NAME[=VALUE] of a fault, see above; may be repeated.")
    var faults: [String] = []

    @Option(name: .customLong("pod-shutdown"), help: "Seconds a deleted pod takes to stop.")
    var podShutdown = 0.5

    func run() async throws {
        // A dead peer is an error of `write`, not the end of the process.
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGHUP, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        do {
            var configuration = LabConfiguration()
            configuration.manifests = manifests
            configuration.asStored = asStored
            configuration.churn = churn
            configuration.kubeconfigPath = kubeconfig
            configuration.stateFile = state
            configuration.faults = try faults.map { try LabFault($0) }
            guard (0...3600).contains(podShutdown) else {
                throw ValidationError("--pod-shutdown: found \(podShutdown), expected 0 to 3600 seconds")
            }
            configuration.podShutdownSeconds = podShutdown
            if let generate { configuration.generate = try GenerateOptions(generate) }
            guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
                throw ValidationError("--listen: found \(listen), expected an address and port such as 127.0.0.1:6443")
            }
            configuration.listenHost = String(listen[..<colon])
            configuration.listenPort = port
            let lab = try Lab(configuration: configuration)
            try await lab.start()
            Terminal.output("kubeconfig \(lab.kubeconfigPath)")
            Terminal.output("ready")
            for await _ in signals { break }
            await lab.stop()
        } catch {
            Terminal.error("\(error)")
            throw ExitCode(1)
        }
    }
}
