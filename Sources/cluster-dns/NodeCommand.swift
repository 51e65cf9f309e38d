import ArgumentParser
import DNSServer
import Flags
import NodeTier
import Telemetry

/// `cluster-dns node`: its flags are Go's, so the arguments pass ArgumentParser unread (see `NodeFlags`).
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Serves DNS on a node for its pods, in place of NodeLocal DNSCache.",
        discussion: "Takes node-cache's flags; `cluster-dns node -help` lists all.", helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() async throws {
        var flags = FlagParser(NodeFlags.all, dashes: .oneOrTwo)
        let settings: NodeSettings
        let budget: MemoryBudgetOption
        do throws(ParameterError) {
            try flags.parse(arguments)
            if try flags.flag("help") { return Standard.output(NodeFlags.help) }
            if try flags.flag("version") { return Standard.output("cluster-dns-\(ClusterDNS.version)") }
            if try flags.flag("plugins") { return Standard.output(ServeCommand.plugins) }
            settings = try NodeSettings(flags)
            let text = flags.text("memory-budget") ?? "auto"
            guard let option = MemoryBudgetOption(argument: text) else {
                throw ParameterError(
                    at: flags.place("memory-budget"), found: "\"\(text)\"",
                    expected: "bytes such as 170Mi, auto or none")
            }
            budget = option
        } catch {
            Standard.error("\(error)")
            // As Go's flag package.
            throw ExitCode(2)
        }
        let files = NodeFiles(settings)
        try await ServingProcess(
            port: settings.port, pidfile: settings.pidfile, memoryBudget: budget, quiet: settings.isQuiet,
            source: { files.source($0) }, companion: NodeCompanion(settings, files)
        ).run()
    }
}
