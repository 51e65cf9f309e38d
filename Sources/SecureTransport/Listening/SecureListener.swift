import Corefile
package import DNSServer
import EventLoop
import NIOPosix
package import Telemetry

/// Listens for clients that speak through TLS or HTTP, on threads of its own, which are started when first needed.
package actor SecureListener: SecureListening {
    private let inbox: QueryInbox
    private let metrics: MetricRegistry
    private let limits: SecureLimits
    private var threads: MultiThreadedEventLoopGroup?
    private var running: [SecureEndpoint.Place: EndpointListener] = [:]
    private var prepared: [(listener: EndpointListener, credentials: LoadedCredentials?, limits: SecureLimits)] = []
    private var renewal: Task<Void, Never>?

    package init(inbox: QueryInbox, metrics: MetricRegistry, limits: SecureLimits = SecureLimits()) {
        self.inbox = inbox
        self.metrics = metrics
        self.limits = limits
    }

    // MARK: Plans

    package func prepare(_ endpoints: [SecureEndpoint]) async throws {
        await discardPrepared()
        do {
            for endpoint in endpoints {
                let credentials = try endpoint.credentials.map { (files) throws(CredentialsFailure) in
                    try LoadedCredentials(
                        files, agreeingOn: LoadedCredentials.applicationProtocols(endpoint.place.scheme))
                }
                let listener = if let same = running[endpoint.place] { same } else { try await open(endpoint.place) }
                prepared.append((listener, credentials, limits.applying(endpoint.limits)))
            }
        } catch {
            await discardPrepared()
            throw error
        }
    }

    private func open(_ place: SecureEndpoint.Place) async throws -> EndpointListener {
        if threads == nil { try LoopThread.expect(LoopCount.recommended) }
        let threads = threads ?? MultiThreadedEventLoopGroup(numberOfThreads: LoopCount.recommended)
        self.threads = threads
        return try await EndpointListener.open(
            Entrance(
                place: place, metrics: metrics, limits: limits,
                openSession: { [inbox] in inbox.openSession(at: place, client: $0, told: $1) }, post: inbox.post),
            on: threads)
    }

    package func discardPrepared() async {
        let unused = prepared.map(\.listener).filter { running[$0.place] !== $0 }
        prepared = []
        for listener in unused { await listener.stopAccepting() }
    }

    package func activate() async {
        let next = prepared
        prepared = []
        let kept = Set(next.map(\.listener.place))
        let gone = running.filter { !kept.contains($0.key) }.values
        running = [:]
        for (listener, credentials, limits) in next {
            listener.limit(limits)
            running[listener.place] = listener
            if listener.place.scheme == .tls, credentials == nil {
                Log.warning("\(listener.place.label): no tls line in its server block, so nothing is encrypted there")
            }
            await listener.serve(credentials)
        }
        for listener in gone {
            await listener.stopAccepting()
            Task { await listener.close(grace: limits.answer.duration) }
        }
        followFiles(next.contains { $0.credentials != nil })
    }

    // MARK: Certificates

    /// Reads the files of `tls` lines again and again while there are any.
    private func followFiles(_ areAny: Bool) {
        guard areAny else {
            renewal?.cancel()
            renewal = nil
            return
        }
        guard renewal == nil else { return }
        renewal = Task { [weak self] in
            while (try? await Task.sleep(for: CurrentCredentials.renewalInterval)) != nil { await self?.renew() }
        }
    }

    private func renew() {
        for listener in running.values { listener.renewCredentials() }
    }

    // MARK: Stopping

    package func stop(grace: Duration) async {
        renewal?.cancel()
        await discardPrepared()
        let all = running.values
        running = [:]
        for listener in all { await listener.stopAccepting() }
        await withTaskGroup(of: Void.self) { group in
            for listener in all { group.addTask { await listener.close(grace: grace) } }
        }
    }
}
