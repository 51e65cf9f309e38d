internal import AsyncHTTPClient
internal import EventLoop
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// The HTTPS client of one API server: sends the token, follows rotated certificates, never follows a redirect.
package final class APIConnection: Sendable {
    /// Limits of a request, apart from how long a watch may be silent.
    package struct Limits: Sendable {
        package var connect: Duration = .seconds(10)
        /// From sending a request to the head of its response. The server gives up on a list after 60 s.
        package var responseHead: Duration = .seconds(30)
        /// Between two parts of a body that is not a watch.
        package var bodyIdle: Duration = .seconds(30)
        /// How often certificate files are compared.
        package var certificateCheck: Duration = .seconds(300)

        package init() {}
    }

    private struct Open {
        var client: HTTPClient
        var material: ClientMaterial
        var generation: Int
        var checkedAt: ContinuousClock.Instant
    }

    private static let shared = Mutex<MultiThreadedEventLoopGroup?>(nil)

    /// One thread of its own: a handful of streams, whose decoding happens in tasks, needs no more.
    ///
    /// NIO ends the process where it cannot begin a thread, so that is found out before.
    private static func loops() throws(CredentialsError) -> MultiThreadedEventLoopGroup {
        try shared.withLock { shared throws(CredentialsError) in
            if let shared { return shared }
            do { try LoopThread.expect(1) } catch {
                throw CredentialsError(in: "this process", found: "\(error)", expected: "a thread more")
            }
            let begun = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            shared = begun
            return begun
        }
    }

    package let endpoint: APIEndpoint
    package let limits: Limits
    private let userAgent: String
    private let tokens: TokenReader
    private let gate: RequestGate
    private let reportProblem: @Sendable (CredentialsError) -> Void
    private let reportRequest: @Sendable (RequestReport) -> Void
    private let open: Mutex<Open>

    /// - Parameters:
    ///   - onRequest: told of every request once its response has begun or it has failed.
    ///   - onProblem: told when a token or certificate file cannot be used; the old one stays in use.
    package init(
        _ endpoint: APIEndpoint, userAgent: String = "cluster-dns", limits: Limits = Limits(),
        pace: RequestPace = RequestPace(), onRequest: @escaping @Sendable (RequestReport) -> Void = { _ in },
        onProblem: @escaping @Sendable (CredentialsError) -> Void = { _ in }
    ) throws(CredentialsError) {
        self.endpoint = endpoint
        self.limits = limits
        self.userAgent = userAgent
        tokens = TokenReader(endpoint.token)
        gate = RequestGate(pace)
        reportRequest = onRequest
        reportProblem = onProblem
        let material = try ClientMaterial(endpoint)
        open = Mutex(
            Open(
                client: try Self.makeClient(endpoint, material, limits), material: material, generation: 0,
                checkedAt: .now))
    }

    deinit {
        // An HTTPClient that is dropped without this ends the process.
        let client = open.withLock { $0.client }
        Task { try? await client.shutdown() }
    }

    private static func makeClient(
        _ endpoint: APIEndpoint, _ material: ClientMaterial, _ limits: Limits
    ) throws(CredentialsError) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(limits.connect), read: nil))
        // Each watch has a connection of its own, so TCP holds a list back that arrives faster than it is decoded. Over
        // HTTP/2 up to 8 MiB of it wait in memory, and reading takes twice the processor time.
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        // Long enough for the next page or watch; a connection that is kept longer may be dead when it is needed.
        configuration.connectionPool.idleTimeout = .seconds(5)
        // Waiting between tries is the caller's decision.
        configuration.connectionPool.retryConnectionEstablishment = false
        if endpoint.isEncrypted { configuration.tlsConfiguration = try material.configuration(for: endpoint) }
        if let name = endpoint.tlsServerName { configuration.dnsOverride = [name: endpoint.host] }
        return HTTPClient(eventLoopGroup: try loops(), configuration: configuration)
    }

    // MARK: Requests

    package func get(_ path: String) async throws(APIFailure) -> APIResponse {
        try await send(APIRequest(verb: .get, path: path))
    }

    package func post(_ path: String, _ body: [UInt8]) async throws(APIFailure) -> APIResponse {
        try await send(APIRequest(verb: .post, path: path, body: body))
    }

    package func put(_ path: String, _ body: [UInt8]) async throws(APIFailure) -> APIResponse {
        try await send(APIRequest(verb: .put, path: path, body: body))
    }

    /// - Parameter contentType: a JSON patch form; merge patch unless told.
    package func patch(
        _ path: String, _ body: [UInt8], contentType: String = "application/merge-patch+json"
    ) async throws(APIFailure) -> APIResponse {
        try await send(APIRequest(verb: .patch, path: path, body: body, contentType: contentType))
    }

    /// Sends a request and reads its answer whole; any HTTP status is an answer.
    package func send(_ request: APIRequest) async throws(APIFailure) -> APIResponse {
        let stream = try await start(request)
        let limit = stream.status < 300 ? SizeLimit.objectBody : SizeLimit.errorBody
        let body = try await stream.collect(limit: limit, idle: limits.bodyIdle)
        return APIResponse(
            status: stream.status, contentType: stream.contentType, retryAfter: stream.retryAfter, body: body)
    }

    /// Sends a request and returns when the head of its response has come.
    func start(_ request: APIRequest) async throws(APIFailure) -> APIStream {
        let asked = ContinuousClock.now
        let place = try await gate.enter()
        let sent = ContinuousClock.now
        var report = RequestReport(verb: request.verb, status: nil, lasted: .zero, heldBack: sent - asked)
        defer {
            report.lasted = .now - sent
            reportRequest(report)
        }
        var stream = try await startNow(request)
        report.status = stream.status
        stream.place = place
        return stream
    }

    private func startNow(_ request: APIRequest) async throws(APIFailure) -> APIStream {
        refreshCertificates(force: false)
        let first = tokens.current(at: .now)
        let stream = try await start(request, with: first)
        guard stream.status == 401 else { return stream }
        tokens.refused(first.token)
        let second = tokens.current(at: .now)
        // The kubelet may have replaced the token a moment ago: then the same request succeeds at once.
        guard second.token != first.token else { return stream }
        return try await start(request, with: second)
    }

    private func start(
        _ request: APIRequest, with reading: TokenReader.Reading, isSecondTry: Bool = false
    ) async throws(APIFailure) -> APIStream {
        if let problem = reading.problem {
            reportProblem(problem)
            guard reading.token != nil else { throw .credentials(problem) }
        }
        var message = HTTPClientRequest(url: endpoint.url(host: endpoint.tlsServerName ?? endpoint.host) + request.path)
        message.method = HTTPMethod(rawValue: request.verb.rawValue)
        message.headers.add(name: "Accept", value: request.accept)
        message.headers.add(name: "User-Agent", value: userAgent)
        if let authorization = request.authorization {
            message.headers.add(name: "Authorization", value: authorization)
        } else if let token = reading.token {
            message.headers.add(name: "Authorization", value: "Bearer \(token.revealed)")
        }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: request.contentType)
            message.body = .bytes(body)
        }
        let (client, generation) = open.withLock { ($0.client, $0.generation) }
        do {
            let response = try await client.execute(message, timeout: TimeAmount(limits.responseHead))
            return APIStream(response, generation: generation)
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            throw .timedOut("response head")
        } catch let error as HTTPClientError where error == .cancelled {
            // The connection was given up under this request; asking again is harmless when it only reads.
            if isRetired(generation), !Task.isCancelled, request.verb == .get, !isSecondTry {
                return try await start(request, with: reading, isSecondTry: true)
            }
            throw .cancelled
        } catch is CancellationError {
            throw .cancelled
        } catch {
            // A refused handshake most often means rotated certificates: with the new ones it succeeds at once.
            if isTLS(error), refreshCertificates(force: true), !isSecondTry {
                return try await start(request, with: reading, isSecondTry: true)
            }
            throw .unreachable(describe(error))
        }
    }

    // MARK: Certificates

    /// Compares certificate files with what is used, at most every `certificateCheck` unless forced.
    ///
    /// - Returns: whether they had changed, and the new ones are used now.
    @discardableResult
    private func refreshCertificates(force: Bool) -> Bool {
        let now = ContinuousClock.now
        let retired = open.withLock { open -> HTTPClient? in
            guard force || now - open.checkedAt >= limits.certificateCheck else { return nil }
            open.checkedAt = now
            do throws(CredentialsError) {
                let material = try ClientMaterial(endpoint)
                guard material != open.material else { return nil }
                let fresh = try Self.makeClient(endpoint, material, limits)
                defer {
                    open = Open(client: fresh, material: material, generation: open.generation &+ 1, checkedAt: now)
                }
                return open.client
            } catch {
                reportProblem(error)
                return nil
            }
        }
        if let retired { Task { try? await retired.shutdown() } }
        return retired != nil
    }

    /// Whether connections of `generation` have been given up.
    func isRetired(_ generation: Int) -> Bool { open.withLock { $0.generation != generation } }

    /// Closes all connections. Requests fail from then on.
    package func shutdown() async {
        try? await open.withLock { $0.client }.shutdown()
    }
}

private func isTLS(_ error: any Error) -> Bool {
    error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError
}

/// What a transport error says, without quoting anything that was sent.
func describe(_ error: any Error) -> String {
    if let error = error as? HTTPClientError { return error.shortDescription }
    let text = String(describing: error)
    guard isTLS(error) else { return String(text.prefix(300)) }
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
        return "the API server's certificate is not signed by the trusted authorities"
    }
    // BoringSSL's own words, without the place in its source that follows them.
    let words = text.split(separator: ":").first { $0.contains(" at ") }?.split(separator: " ").first
    return "TLS: \(words ?? text.prefix(120))"
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(min(max(seconds, 0), 1 << 32) * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
