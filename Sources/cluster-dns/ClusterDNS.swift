import ArgumentParser
import CLinux
// Linked in the place of ICU's data, called by nobody.
import NoICUData

/// The program: wires its commands, decides nothing.
@main
struct ClusterDNS: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "cluster-dns",
        abstract: "DNS for Kubernetes clusters: reads CoreDNS' Corefile and answers in its place.",
        discussion: """
            Without a command, `serve` is meant, so that an image swap from CoreDNS needs no other change:

              cluster-dns -conf /etc/coredns/Corefile

            To try it without a cluster:

              cluster-dns lab --manifests deploy/examples --kubeconfig /tmp/lab.kubeconfig
              KUBECONFIG=/tmp/lab.kubeconfig cluster-dns serve -conf Corefile-examples/local.Corefile
            """,
        subcommands: [
            ServeCommand.self, NodeCommand.self, LabCommand.self, AutoscaleCommand.self, CheckCommand.self,
            NodeHostCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    static func main() async {
        // The image's file capability is permitted, not effective, so that a container that drops it still starts.
        // Threads inherit it, so it comes before any; a failure shows when port 53 cannot be opened.
        _ = cl_use_permitted_capabilities()
        await main(nil)
    }
}
