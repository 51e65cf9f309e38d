import ArgumentParser
import ClusterLab
import Foundation

/// What is there to try, measure and test cluster-dns with; no part of what runs in a cluster.
@main
struct ClusterDNSLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster-dns-lab", abstract: "An embedded Kubernetes cluster, and a simulated day of one.",
        subcommands: [LabCommand.self, SimulateCommand.self], defaultSubcommand: LabCommand.self)
}

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Draws how replicas follow a growing cluster, as SVG.")

    @Argument(help: "Where the drawing goes.")
    var file: String

    func run() throws {
        do {
            try SimulationPlot(try GrowthSimulation()).svg.write(toFile: file, atomically: false, encoding: .utf8)
        } catch {
            Terminal.error("\(error)")
            throw ExitCode(1)
        }
    }
}

/// Lines for a person at the terminal.
enum Terminal {
    static func error(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
    static func output(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
