internal import AsyncHTTPClient
internal import ClusterModel
internal import NIOCore
internal import Synchronization

/// Performs what `ReflectorMachine` decides for one kind.
struct KindFollower: Sendable {
    /// Changes given on at once: bounds memory when a server sends everything on one page.
    static let largestBatch = 256

    let kind: ObjectKind
    let connection: APIConnection
    let options: FollowOptions
    let observe: @Sendable (FollowEvent) -> Void
    let changes: @Sendable ([ObjectChange]) async -> Void

    func run() async {
        var machine = ReflectorMachine(
            pageSize: options.pageSize, watchdog: options.watchdog, seed: UInt64.random(in: 0 ... .max))
        var listedCount = 0
        var isKnown = false
        var action = machine.resume()
        while !Task.isCancelled {
            switch action {
            case .list(let request):
                do throws(RequestFailure) {
                    let page = try await list(request)
                    guard !Task.isCancelled else { return }
                    listedCount = request.page.isEmpty ? page.count : listedCount + page.count
                    action = machine.listed(version: page.version, next: page.next, at: .now)
                    if page.next.isEmpty {
                        isKnown = true
                        observe(.listed(kind, count: listedCount))
                    }
                } catch {
                    action = machine.listFailed(error, at: .now)
                }
            case .watch(let request):
                action = machine.watchEnded(await watch(request), at: .now)
            case .wait(let duration, let failure):
                if let failure, kind == .serviceImport, failure.isNotFound {
                    // No objects of a kind that does not exist; what was there before stays until it is deleted.
                    if !isKnown { await changes([.relistStarted(kind), .relistFinished(kind)]) }
                    isKnown = true
                    observe(.absent(kind))
                } else if let failure {
                    observe(.failed(kind, reason: failure.reason, retryIn: duration, forbidden: failure.isForbidden))
                }
                try? await Task.sleep(for: duration)
                action = machine.resume()
            }
        }
    }

    // MARK: Requests

    /// Query parameters that select objects.
    private var selection: [(String, String)] {
        var pairs: [(String, String)] = []
        let selector = kind == .namespace ? options.namespaceLabelSelector : options.labelSelector
        if !selector.isEmpty { pairs.append(("labelSelector", selector)) }
        // Pods that have ended keep their address, which may be another pod's by now.
        if kind == .pod {
            pairs.append(("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"))
        }
        return pairs
    }

    func path(_ request: ListRequest) -> String {
        var pairs = selection
        if let limit = request.limit { pairs.append(("limit", String(limit))) }
        if !request.page.isEmpty {
            pairs.append(("continue", request.page))
        } else if let version = request.version, !version.isEmpty {
            pairs.append(("resourceVersion", version))
        }
        return APIPath.query(APIPath.collection(kind), pairs)
    }

    func path(_ request: WatchRequest) -> String {
        APIPath.query(
            APIPath.collection(kind),
            selection + [
                ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", request.version),
                ("timeoutSeconds", String(request.timeoutSeconds)),
            ])
    }

    // MARK: List

    private struct Page: Sendable {
        var version = ""
        var next = ""
        var count = 0
    }

    private func list(_ request: ListRequest) async throws(RequestFailure) -> Page {
        let (stream, encoding) = try await open(path(request), verb: "list")
        let silence = SilenceLimit(connection.limits.bodyIdle)
        let result = await silence.run { silence in
            await read(stream, encoding, isFirst: request.page.isEmpty, silence)
        }
        guard let result else {
            connection.renew(ifStill: stream.generation)
            throw .transport("the list stopped in the middle")
        }
        return try result.get()
    }

    private func read(
        _ stream: APIStream, _ encoding: WireEncoding, isFirst: Bool, _ silence: SilenceLimit
    ) async -> Result<Page, RequestFailure> {
        var splitter = ListSplitter(encoding)
        var page = Page()
        var batch: [ObjectChange] = isFirst ? [.relistStarted(kind)] : []
        var received = 0
        do {
            for try await chunk in stream.body {
                silence.ended()
                connection.heard(stream.generation)
                observe(.contact(kind))
                received += chunk.readableBytes
                guard received <= SizeLimit.page else { throw DecodingFailure.tooLarge(limit: SizeLimit.page) }
                for piece in try splitter.feed(chunk.readableBytesView) {
                    switch piece {
                    case .metadata(let bytes):
                        let metadata = try encoding.read(WireListMeta.self, from: bytes)
                        page.version = metadata.resourceVersion
                        page.next = metadata.continue
                    case .item(let bytes):
                        page.count += 1
                        let observed = try ObservedObject(kind, from: bytes, encoding, isEnveloped: false)
                        if let object = observed.object { batch.append(.stored(object)) }
                    }
                }
                if batch.count >= Self.largestBatch {
                    let full = batch
                    batch = []
                    await silence.paused { await changes(full) }
                }
            }
            guard !Task.isCancelled else { return .failure(.transport("cancelled")) }
            try splitter.finish()
        } catch let error as DecodingFailure {
            // Cut short is what a broken connection looks like when the body has no stated length.
            return .failure(error == .truncated ? .transport("\(error)") : .malformed("\(error)"))
        } catch {
            return .failure(.transport(describe(error)))
        }
        // Without a version there is no watch, so the machine lists again: nothing may be dropped by this list.
        if page.next.isEmpty, !page.version.isEmpty { batch.append(.relistFinished(kind)) }
        let rest = batch
        await silence.paused { await changes(rest) }
        return .success(page)
    }

    // MARK: Watch

    private func watch(_ request: WatchRequest) async -> WatchReport {
        let started = ContinuousClock.now
        let progress = WatchProgress(from: request.version)
        let end: WatchEnd
        do throws(RequestFailure) {
            let (stream, encoding) = try await open(path(request), verb: "watch")
            observe(.watching(kind))
            observe(.contact(kind))
            let silence = SilenceLimit(options.watchdog)
            if let ended = await silence.run({ silence in await read(stream, encoding, progress, silence) }) {
                end = ended
            } else {
                // Over HTTP/2 the next watch would be sent into the same connection, which may be dead. It is not when
                // other kinds are being told of changes over it.
                if stream.isMultiplexed { connection.renew(ifStill: stream.generation, silentFor: options.watchdog) }
                end = .silent
            }
        } catch {
            end = .failed(error)
        }
        return progress.report(end, lasted: .now - started)
    }

    private func read(
        _ stream: APIStream, _ encoding: WireEncoding, _ progress: WatchProgress, _ silence: SilenceLimit
    ) async -> WatchEnd {
        var splitter = WatchSplitter(encoding)
        do {
            for try await chunk in stream.body {
                silence.ended()
                connection.heard(stream.generation)
                observe(.contact(kind))
                var batch: [ObjectChange] = []
                var end: WatchEnd?
                // Events before one that ends the watch still count: they are what happened.
                for message in try splitter.feed(chunk.readableBytesView) {
                    end = try take(message, encoding, progress, into: &batch)
                    if end != nil { break }
                }
                if !batch.isEmpty {
                    let arrived = batch
                    await silence.paused { await changes(arrived) }
                }
                // Only what the reader has been given is behind us.
                progress.commit()
                if let end { return end }
            }
            guard !Task.isCancelled else { return .failed(.transport("cancelled")) }
            try splitter.finish()
            return .closed
        } catch let error as DecodingFailure {
            return .failed(error == .truncated ? .transport("\(error)") : .malformed("\(error)"))
        } catch {
            return connection.isRetired(stream.generation) ? .givenUp : .failed(.transport(describe(error)))
        }
    }

    /// - Returns: how the watch ends, if `message` ends it.
    private func take(
        _ message: WatchMessage, _ encoding: WireEncoding, _ progress: WatchProgress, into batch: inout [ObjectChange]
    ) throws(DecodingFailure) -> WatchEnd? {
        switch message.kind {
        case .error:
            return .failed(.refused(StatusReport(body: message.object, httpStatus: nil)))
        case .bookmark:
            let bookmark = try encoding.readEnveloped(WireAnyObject.self, from: message.object)
            guard progress.advance(to: bookmark.metadata.resourceVersion, isChange: false) else { return .wentBack }
        case .added, .modified:
            let observed = try ObservedObject(kind, from: message.object, encoding, isEnveloped: true)
            guard progress.advance(to: observed.version, isChange: true) else { return .wentBack }
            if let object = observed.object { batch.append(.stored(object)) }
        case .deleted:
            let observed = try ObservedObject(kind, from: message.object, encoding, isEnveloped: true)
            guard progress.advance(to: observed.version, isChange: true) else { return .wentBack }
            batch.append(.deleted(kind, observed.key))
        }
        return nil
    }

    // MARK: Opening

    private func open(
        _ path: String, verb: String
    ) async throws(RequestFailure) -> (APIStream, WireEncoding) {
        let started = ContinuousClock.now
        func finished(_ code: Int) {
            let (seconds, attoseconds) = (ContinuousClock.now - started).components
            observe(.requestFinished(verb: verb, code: code, seconds: Double(seconds) + Double(attoseconds) * 1e-18))
        }
        let stream: APIStream
        do throws(APIFailure) {
            stream = try await connection.start(
                APIRequest(verb: .get, path: path, accept: options.encoding.accept(watch: verb == "watch")))
        } catch {
            finished(0)
            throw RequestFailure(error)
        }
        finished(stream.status)
        guard stream.status == 200 else {
            // Without a readable body the status alone decides.
            let body = (try? await stream.collect(limit: SizeLimit.errorBody, idle: connection.limits.bodyIdle)) ?? []
            throw .refused(StatusReport(body: body, httpStatus: stream.status, retryAfter: stream.retryAfter))
        }
        guard !stream.isCompressed, let encoding = WireEncoding(contentType: stream.contentType) else {
            throw .malformed("an answer of type \"\(stream.contentType.prefix(64))\", not a Kubernetes object")
        }
        return (stream, encoding)
    }
}
