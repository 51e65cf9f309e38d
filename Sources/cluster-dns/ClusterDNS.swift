import ArgumentParser

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
        subcommands: [ServeCommand.self, LabCommand.self, AutoscaleCommand.self, CheckCommand.self],
        defaultSubcommand: ServeCommand.self)
}
