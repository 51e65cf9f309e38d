import ArgumentParser
import Corefile
import DNSServer
import Plugins

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

    static var plugins: String {
        "Server types:\n  dns\n\nPlugins:\n"
            + pluginOrder.map { "  dns.\($0.directive)" }.sorted().joined(separator: "\n")
    }

    func run() async throws {
        if showsVersion { return Standard.output("cluster-dns-\(ClusterDNS.version)") }
        if listsPlugins { return Standard.output(Self.plugins) }
        let source = CorefileSource(path: conf)
        try await ServingProcess(
            port: port, pidfile: pidfile, memoryBudget: memoryBudget, quiet: quiet,
            source: { _ in
                ConfigurationSource { isReload throws(ConfigurationErrors) in try source.read(isReload: isReload) }
            }
        ).run()
    }
}
