import Corefile
package import DNSServer
package import DNSWire
package import EventLoop
import Plugins
import Synchronization
package import Telemetry

/// Makes plans of Corefiles as the program does, of every plugin there is and in its order.
package enum TestPlan {
    /// Where clients find the servers of tests, as far as plugins know.
    package static let hostAddresses = [IPAddress(v4: 0xC000_0235)]

    /// A plan of whole server blocks.
    package static func plan(
        _ corefile: String, _ metrics: MetricRegistry, _ files: [String: String] = [:],
        hostAddresses: [IPAddress] = TestPlan.hostAddresses
    ) throws -> ServingPlan {
        let sources = CorefileSyntax.Sources(read: { _ in "" }, glob: { _ in [] }, environment: { _ in nil })
        let blocks = try CorefileSyntax.parse(text: corefile, file: "Corefile", sources: sources)
        let builder = PlanBuilder(
            order: [FailureNotes.self] + pluginOrder, metrics: metrics, hostAddresses: hostAddresses,
            files: access(files),
            upstreamSessions: { settings throws(CredentialsFailure) in
                let credentials = settings.credentials
                for file in [credentials?.certificateFile, credentials?.keyFile, credentials?.authorityFile] {
                    guard let file, files[file] == nil else { continue }
                    throw CredentialsFailure(file: file, found: "no such file", expected: "a readable PEM file")
                }
                return ClearSessions()
            },
            lookUp: {
                $0 == "dns.test" ? [IPAddress(v6High: 0x2001_0DB8 << 32, low: 1), IPAddress(v4: 0xC000_0201)] : []
            })
        return try builder.build(blocks, hash: "")
    }

    /// What is there: texts by their absolute paths.
    package static func access(_ files: [String: String]) -> FileAccess {
        FileAccess(
            read: { path in
                guard let text = files[path] else { throw NoSuchFile() }
                return text
            },
            list: { folder in
                let paths = files.keys.filter { $0.hasPrefix("\(folder)/") }
                return paths.isEmpty ? nil : paths
            })
    }

    /// A plan of one block for the root zone.
    package static func block(
        _ directives: String, at address: SocketAddress, _ metrics: MetricRegistry, _ files: [String: String] = [:]
    ) throws -> ServingPlan {
        let host = address.address
        return try plan(
            ".:\(address.port) {\nbind \(host)\n\(FailureNotes.directive)\n\(directives)\n}\n", metrics, files)
    }

    package struct NoSuchFile: Error, CustomStringConvertible {
        package init() {}
        package var description: String { "no such file" }
    }

    /// The errors of a block, one a line, positions left out.
    package static func errors(_ directives: String, files: [String: String] = [:]) -> String {
        do {
            _ = try block(directives, at: SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53), MetricRegistry(), files)
            return "no errors"
        } catch let error as ConfigurationErrors {
            return error.errors.map { "\($0.directive): found \($0.found), expected \($0.expected)" }
                .joined(separator: "\n")
        } catch {
            return "\(error)"
        }
    }
}

/// Speaks plain DNS with every upstream, whatever is written before its address; no
/// certificate names `wrong.test`.
private struct ClearSessions: UpstreamSessions {
    func session(with target: UpstreamTarget) -> any UpstreamSession {
        guard target.serverName != "wrong.test" else {
            return EndedSession(UpstreamSessionEnd("tls: certificate is not for wrong.test", isRejection: true))
        }
        return FramedSession()
    }
}

/// Notes why queries failed.
private final class FailureNotes: Plugin {
    static let directive = "failure_notes"
    let texts = Mutex<[String]>([])

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {}

    func makeHandler(on server: LoopServer) -> (any Handler)? { Notes(self) }

    private final class Notes: Handler {
        private let plugin: FailureNotes

        init(_ plugin: FailureNotes) { self.plugin = plugin }

        func answer(_ exchange: inout Exchange) -> Verdict { .next }

        func finish(_ exchange: inout Exchange) {
            guard let failure = exchange.failure else { return }
            plugin.texts.withLock { $0.append(failure) }
        }
    }
}

extension ServingPlan {
    /// Why queries failed, in the words the `errors` plugin would log.
    package var failures: [String] {
        plugins.compactMap { $0 as? FailureNotes }.flatMap { notes in notes.texts.withLock { $0 } }
    }
}
