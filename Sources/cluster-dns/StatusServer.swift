import DNSServer
import DNSWire
import EventLoop
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SecureTransport
import Synchronization

/// Serves plugins' pages over HTTP, one server for each address.
final class StatusServer: StatusServing {
    private struct Running {
        var task: Task<Void, Never>
        var pages: PageTable
        var security: PageSecurity
    }

    private let running = Mutex<[StatusPage.Address: Running]>([:])

    func serve(_ pages: [StatusPage]) async throws {
        let wanted = Dictionary(grouping: pages, by: \.address)
        var started: [StatusPage.Address: Running] = [:]
        do {
            for (address, pages) in wanted where running.withLock({ $0[address] == nil }) {
                started[address] = try await Self.start(address, pages)
            }
            for (address, pages) in wanted {
                guard let security = running.withLock({ $0[address]?.security }) else { continue }
                try security.show(pages.credentials)
            }
        } catch {
            for server in started.values { server.task.cancel() }
            throw error
        }
        let gone = running.withLock { running in
            for (address, server) in started { running[address] = server }
            for (address, pages) in wanted { running[address]?.pages.replace(pages) }
            let gone = running.filter { wanted[$0.key] == nil }
            for address in gone.keys { running[address] = nil }
            return gone
        }
        for server in gone.values { server.task.cancel() }
    }

    func stop() async {
        let all = running.withLock { running in
            defer { running = [:] }
            return running
        }
        for server in all.values { server.task.cancel() }
    }

    private static func start(_ address: StatusPage.Address, _ pages: [StatusPage]) async throws -> Running {
        let security = PageSecurity("https://\(address)")
        try security.show(pages.credentials)
        let pages = PageTable(pages)
        let connections = PageConnections()
        let (outcomes, report) = AsyncStream<(any Error)?>.makeStream()
        var logger = Logger(label: "status")
        logger.logLevel = .critical
        let application = Application(
            responder: CallbackResponder { request, _ in
                pages.respond(to: request.uri.path)
            } as CallbackResponder<BasicRequestContext>,
            server: HTTPServerBuilder {
                ProtectedHTTPChannel(
                    security: security, connections: connections,
                    base: HTTP1Channel(responder: $0, configuration: .init(idleTimeout: PageConnections.idle)))
            },
            configuration: .init(address: .hostname(address.address.description, port: Int(address.port))),
            onServerRunning: { _ in report.yield(nil) }, eventLoopGroupProvider: .shared(try SharedThreads.group()),
            logger: logger)
        let task = Task {
            let renewal = Task { await security.followFiles() }
            do { try await application.run() } catch { report.yield(error) }
            connections.end()
            report.finish()
            renewal.cancel()
        }
        for await outcome in outcomes {
            guard let error = outcome else { break }
            throw StatusFailure(address: address, reason: "\(error)")
        }
        return Running(task: task, pages: pages, security: security)
    }
}

extension [StatusPage] {
    /// What is shown at their one address.
    fileprivate var credentials: TransportCredentials? { lazy.compactMap(\.credentials).first }
}

struct StatusFailure: Error, CustomStringConvertible {
    let address: StatusPage.Address
    let reason: String
    var description: String { "cannot serve HTTP on \(address): \(reason); free the port or name another one" }
}

/// The pages of one address, replaced on reload.
private final class PageTable: Sendable {
    private let pages: Mutex<[String: @Sendable () -> StatusReply]>

    init(_ pages: [StatusPage]) {
        self.pages = Mutex(Self.byPath(pages))
    }

    func replace(_ pages: [StatusPage]) { self.pages.withLock { $0 = Self.byPath(pages) } }

    private static func byPath(_ pages: [StatusPage]) -> [String: @Sendable () -> StatusReply] {
        Dictionary(pages.map { ($0.path, $0.respond) }, uniquingKeysWith: { first, _ in first })
    }

    func respond(to path: String) -> Response {
        guard let page = pages.withLock({ $0[path] }) else {
            return Response(status: .notFound, body: .init(byteBuffer: ByteBuffer(string: "not found\n")))
        }
        let reply = page()
        return Response(
            status: .init(code: reply.status), headers: [.contentType: reply.contentType],
            body: .init(byteBuffer: ByteBuffer(string: reply.body)))
    }
}
