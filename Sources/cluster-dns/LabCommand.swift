import ArgumentParser
import ClusterLab
import Glibc
import UnixSignals

struct LabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "Runs an embedded Kubernetes cluster: an API server with a small control plane.",
        discussion: """
            Serves the Kubernetes API over HTTPS with a certificate authority and token of its own, writes a kubeconfig
            for them, and prints `ready` when clients may come. Editing a manifest file applies it.
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

    func run() async throws {
        System.ignoreDeadlySignals()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        do {
            var configuration = LabConfiguration()
            configuration.manifests = manifests
            configuration.asStored = asStored
            configuration.churn = churn
            configuration.kubeconfigPath = kubeconfig
            if let generate { configuration.generate = try GenerateOptions(generate) }
            guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
                throw ValidationError("--listen: found \(listen), expected an address and port such as 127.0.0.1:6443")
            }
            configuration.listenHost = String(listen[..<colon])
            configuration.listenPort = port
            let lab = try Lab(configuration: configuration)
            try await lab.start()
            Standard.output("kubeconfig \(lab.kubeconfigPath)")
            Standard.output("ready")
            for await _ in signals { break }
            await lab.stop()
        } catch {
            Standard.error("\(error)")
            throw ExitCode(1)
        }
    }
}
