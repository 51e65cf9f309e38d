import ArgumentParser
import Corefile
import DNSServer
import EventLoop
import Plugins
import SecureTransport
import Telemetry

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Reads Corefiles as the server would and reports every error.",
        discussion: """
            Each error is one line, `file:line: directive: found X, expected Y`. Nothing is started or opened.
            The exit code is 1 when there is any error.
            """)

    @Argument(help: "Corefiles to read.")
    var files: [String]

    func run() async throws {
        var failed = false
        for file in files {
            do {
                let (blocks, hash) = try CorefileSource(path: file).read(isReload: false)
                _ = try PlanBuilder.standard(metrics: MetricRegistry(), defaultPort: 53).build(blocks, hash: hash)
                print("\(file): sound, \(blocks.count) server block\(blocks.count == 1 ? "" : "s")")
            } catch {
                failed = true
                Standard.error("\(error)")
            }
        }
        if failed { throw ExitCode(1) }
    }
}

extension PlanBuilder {
    /// The builder of this program: all its plugins, and the operating system's files and interfaces.
    static func standard(metrics: MetricRegistry, defaultPort: UInt16) -> PlanBuilder {
        PlanBuilder(
            order: pluginOrder, metrics: metrics, defaultPort: defaultPort, supportsIPv6: System.supportsIPv6,
            hostAddresses: System.addresses(ofInterface: nil),
            files: FileAccess(
                read: { try System.readText($0, limit: System.longestNamed) },
                octets: { try System.read($0, limit: System.longestNamed) }, list: { System.files(under: $0) }),
            interfaceAddresses: { System.addresses(ofInterface: $0) },
            examineCredentials: { (files) throws(CredentialsFailure) in try LoadedCredentials.examine(files) },
            upstreamSessions: { (settings) throws(CredentialsFailure) in try SecureUpstreams(settings) },
            lookUp: { HostName.addressesAtOnce(of: $0, port: 0).map(\.address) })
    }
}
